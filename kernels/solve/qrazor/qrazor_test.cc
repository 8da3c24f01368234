// Codes against the formula written plainly; inside GPTQ against the textbook algorithm in f64, and against rounding alone where nothing can be made up.
#include "solve/qrazor/qrazor.h"

#include <numeric>

#include "linear/float16.h"
#include "solve/qrazor/sdr.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

// q' = code * 2^shift of one member of a group whose largest magnitude is `most`, in f64 as the reference has it.
double razored(int q, int most, int bits, qw_qrazor_rule rule, int* shift) {
  int length = 0;
  while (most >> length != 0) ++length;
  *shift = std::max(0, length - bits + 1);
  if (*shift == 0) return q;
  const double step = std::pow(2, *shift), magnitude = std::abs(q);
  const bool cut = rule == QW_QRAZOR_ORIGINAL && magnitude >= std::pow(2, length) - std::pow(2, length - 4);
  double kept = cut ? std::floor(magnitude / step) : std::nearbyint(magnitude / step);
  if (rule == QW_QRAZOR_QLLM && q > 0) kept = std::min(kept, std::pow(2, bits - 1) - 1);
  return std::copysign(kept * step, double(q));
}

void check_every_integer() {
  for (const int bits : {3, 4, 8}) {
    for (const qw_qrazor_rule rule : {QW_QRAZOR_QLLM, QW_QRAZOR_ORIGINAL}) {
      if (bits == 3 && rule == QW_QRAZOR_ORIGINAL) continue;
      int64_t wrong = 0;
      for (const int top : {255, 32768}) {
        for (int most = 0; most <= top; most += most < 300 ? 1 : 61) {
          const qw::SdrGroup group = qw::sdr_group(uint32_t(most), bits, rule);
          for (int q = -most; q <= most; q += most < 300 ? 1 : 37) {
            int shift;
            const double wanted = razored(q, most, bits, rule, &shift);
            const int code = qw::sdr_code(q, group), again = qw::sdr_code(q, qw::sdr_fixed_group(shift, bits, rule));
            wrong += shift != group.shift || double(code) * std::pow(2, shift) != wanted || again != code;
            wrong += code < -(1 << (bits - 1)) || code > (1 << (bits - 1)) - 1;
          }
        }
      }
      CHECK(wrong == 0);
    }
  }
}

struct Result {
  std::vector<int8_t> codes;
  std::vector<uint8_t> shifts;
  std::vector<float> scale;
  double sqnr_db = 0, mse = 0;
  int64_t row = -1, col = -1;
};

qw_qrazor_options options_of(int base_bits, int bits, int64_t group, qw_qrazor_axis axis = QW_QRAZOR_INPUTS) {
  return {base_bits, bits, group, -1, QW_QRAZOR_QLLM, axis, 1, 0};
}

Result round(const std::vector<float>& w, int64_t rows, int64_t cols, const qw_qrazor_options& options) {
  int64_t shifts = 0, scales = 0;
  CHECK_OK(qw_qrazor_plan(&options, rows, cols, &shifts, &scales));
  Result out{std::vector<int8_t>(size_t(rows * cols)), std::vector<uint8_t>(size_t(shifts)), std::vector<float>(size_t(scales))};
  const qw_dense source = {QW_F32, rows, cols, w.data()};
  qw_rtn_result result{};
  CHECK_OK(qw_qrazor(&source, &options, qw_pool_shared(), out.codes.data(), out.shifts.data(), out.scale.data(), &result));
  out.sqnr_db = result.sqnr_db, out.mse = result.mse, out.row = result.not_finite_row, out.col = result.not_finite_col;
  return out;
}

void check_matrix(int64_t rows, int64_t cols, qw_qrazor_options options, Random& random) {
  std::vector<float> w = random.vector(size_t(rows * cols), 0.02f);
  for (int64_t i = 0; i < rows * cols; i += 97) w[size_t(i)] *= 20;
  for (int64_t i = 0; i < cols; ++i) w[size_t((rows - 1) * cols + i)] = 0;  // a row of zeros
  const Result got = round(w, rows, cols, options);
  const int64_t base = options.base_group_size == -1 ? cols : options.base_group_size, groups = cols / options.group_size;
  int64_t wrong = 0;
  double squared = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t first = 0; first < cols; first += options.group_size) {
      const float scale = got.scale[size_t((row * cols + first) / base)];
      const float top = options.symmetric ? float((1 << (options.base_bits - 1)) - 1) : float((1 << options.base_bits) - 1);
      if (!options.comp_aware) {
        float low = 0, high = 0;
        for (int64_t i = first / base * base; i < (first / base + 1) * base; ++i) {
          low = std::min(low, w[size_t(row * cols + i)]), high = std::max(high, w[size_t(row * cols + i)]);
        }
        if (low == 0 && high == 0) low = -1, high = 1;
        wrong += scale != (options.symmetric ? std::max(-low, high) : high - low) / top;
      }
      std::vector<int> q;
      int most = 0;
      for (int64_t i = first; i < first + options.group_size; ++i) {
        const float rounded = std::nearbyint(w[size_t(row * cols + i)] / scale);
        q.push_back(int(std::min(std::max(rounded, options.symmetric ? -top - 1 : -top), top)));
        most = std::max(most, std::abs(q.back()));
      }
      for (int64_t i = 0; i < options.group_size; ++i) {
        int shift;
        const size_t at = size_t(row * cols + first + i);
        const double wanted = razored(q[size_t(i)], most, options.bits, options.rule, &shift);
        wrong += shift != got.shifts[size_t(row * groups + first / options.group_size)] || double(got.codes[at]) * std::pow(2, shift) != wanted;
        const double difference = double(w[at]) - double(float(wanted) * scale);
        squared += difference * difference;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(std::fabs(got.mse - squared / double(rows * cols)) <= 1e-9 * got.mse);
}

// A factor of a Hessian whose columns hang together (or do not).
struct Factor {
  std::vector<float> hessian, packed;
  std::vector<int32_t> order;
  std::vector<uint8_t> dead;
  qw_gptq_factor_result result{};
  Factor(int64_t width, bool diagonal, bool desc_act, Random& random)
      : hessian(size_t(width * width)), packed(size_t(qw_gptq_factor_size(width))), order(size_t(width)), dead(size_t(width)) {
    const int64_t tokens = 2 * width;
    std::vector<double> x(size_t(tokens * width));
    for (int64_t t = 0; t < tokens; ++t) {
      double carried = 0;
      for (int64_t i = 0; i < width; ++i) x[size_t(t * width + i)] = carried = 0.8 * carried + random.uniform(-1, 1) * (1 + double(i % 5));
    }
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (int64_t t = 0; t < tokens; ++t) sum += x[size_t(t * width + i)] * x[size_t(t * width + j)];
        hessian[size_t(i * width + j)] = hessian[size_t(j * width + i)] = diagonal && i != j ? 0.0f : float(2 * sum / double(tokens));
      }
    }
    qw_gptq_factor_options options{};
    options.scale = 1;
    options.damp_percent = 0.01;
    options.desc_act = desc_act;
    CHECK_OK(qw_gptq_factor(hessian.data(), width, &options, qw_pool_shared(), packed.data(), order.data(), dead.data(), &result));
  }
};

Result solve(const std::vector<float>& w, int64_t rows, int64_t cols, const Factor& factor, const qw_qrazor_options& options, double* loss) {
  int64_t shifts = 0, scales = 0;
  CHECK_OK(qw_qrazor_plan(&options, rows, cols, &shifts, &scales));
  Result out{std::vector<int8_t>(size_t(rows * cols)), std::vector<uint8_t>(size_t(shifts)), std::vector<float>(size_t(scales))};
  const qw_dense source = {QW_F32, rows, cols, w.data()};
  qw_gptq_result result{};
  CHECK_OK(qw_qrazor_gptq(&source, factor.packed.data(), factor.order.data(), factor.dead.data(), &options, qw_pool_shared(), out.codes.data(),
                          out.shifts.data(), out.scale.data(), &result));
  *loss = result.loss;
  out.sqnr_db = result.sqnr_db, out.mse = result.mse, out.row = result.not_finite_row, out.col = result.not_finite_col;
  return out;
}

double weight(const Result& result, int64_t rows, int64_t cols, const qw_qrazor_options& options, int64_t row, int64_t col) {
  const size_t at = options.axis == QW_QRAZOR_INPUTS ? size_t(row * (cols / options.group_size) + col / options.group_size)
                                                     : size_t(row / options.group_size * cols + col);
  return double(result.codes[size_t(row * cols + col)]) * std::pow(2, result.shifts[at]) * double(result.scale[size_t(row)]);
}

// tr(D H D^T), what GPTQ makes small.
double output_error(const std::vector<float>& w, const Result& result, int64_t rows, int64_t cols, const Factor& factor, const qw_qrazor_options& options) {
  double sum = 0;
  std::vector<double> d(static_cast<size_t>(cols));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < cols; ++i) d[size_t(i)] = double(w[size_t(row * cols + i)]) - weight(result, rows, cols, options, row, i);
    for (int64_t i = 0; i < cols; ++i) {
      for (int64_t j = 0; j < cols; ++j) sum += d[size_t(i)] * d[size_t(j)] * double(factor.hessian[size_t(i * cols + j)]);
    }
  }
  return sum;
}

// The textbook algorithm along outputs: one column after the other, all that follow moved at once, U from the packed factor, f64.
double worst_against_textbook(const std::vector<float>& w, const Result& got, int64_t rows, int64_t cols, const Factor& factor,
                              const qw_qrazor_options& options) {
  const auto u = [&](int64_t i, int64_t j) {
    const int64_t first = i / 128 * 128, height = std::min<int64_t>(128, cols - first), panels = (cols + 31) / 32, before = first / 128;
    const int64_t offset = 128 * 32 * (before * panels - 4 * (before * (before - 1) / 2));
    return double(factor.packed[size_t(offset + ((j - first) / 32 * height + i - first) * 32 + j % 32)]);
  };
  std::vector<double> rest(size_t(rows * cols));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < cols; ++i) rest[size_t(r * cols + i)] = double(w[size_t(r * cols + factor.order[size_t(i)])]);
  }
  int64_t differ = 0;
  for (int64_t i = 0; i < cols; ++i) {
    const int64_t column = factor.order[size_t(i)];
    for (int64_t begin = 0; begin < rows; begin += options.group_size) {
      const int64_t end = std::min(begin + options.group_size, rows);
      std::vector<int> q;
      int most = 0;
      for (int64_t r = begin; r < end; ++r) {
        const double top = (1 << (options.base_bits - 1)) - 1;
        q.push_back(int(std::min(std::max(std::nearbyint(rest[size_t(r * cols + i)] / double(got.scale[size_t(r)])), -top - 1), top)));
        most = std::max(most, std::abs(q.back()));
      }
      for (int64_t r = begin; r < end; ++r) {
        int shift;
        const double kept = razored(q[size_t(r - begin)], most, options.bits, options.rule, &shift) * double(got.scale[size_t(r)]);
        differ += kept != weight(got, rows, cols, options, r, column);
        const double error = (rest[size_t(r * cols + i)] - kept) / u(i, i);
        for (int64_t j = i; j < cols; ++j) rest[size_t(r * cols + j)] -= error * u(i, j);
      }
    }
  }
  return double(differ) / double(rows * cols);
}

void check_gptq(int64_t rows, int64_t cols, int bits, int64_t group, bool desc_act, Random& random) {
  std::vector<float> w = random.vector(size_t(rows * cols), 0.02f);
  const Factor factor(cols, false, desc_act, random), apart(cols, true, false, random);
  for (const qw_qrazor_axis axis : {QW_QRAZOR_INPUTS, QW_QRAZOR_OUTPUTS}) {
    if (axis == QW_QRAZOR_INPUTS && cols % group != 0) continue;
    const qw_qrazor_options options = options_of(8, bits, group, axis);
    double loss;
    const Result got = solve(w, rows, cols, factor, options, &loss);
    if (axis == QW_QRAZOR_OUTPUTS) {
      const double differ = worst_against_textbook(w, got, rows, cols, factor, options);
      std::printf("  qrazor in gptq %lldx%lld r%d g%lld: %.3g %% of weights differ from f64\n", (long long)rows, (long long)cols, bits, (long long)group, 100 * differ);
      CHECK(differ < 0.02);
    }
    if (cols % group == 0) {
      const qw_qrazor_options alone = options_of(8, bits, group);
      const double made_up = output_error(w, got, rows, cols, factor, options), rounded = output_error(w, round(w, rows, cols, alone), rows, cols, factor, alone);
      if (axis == QW_QRAZOR_INPUTS) CHECK(made_up < 0.9 * rounded);
    }
    // Every level moves errors alike.
    every_level([&](qw_simd) {
      double same;
      CHECK(solve(w, rows, cols, factor, options, &same).codes == got.codes || std::fabs(same - loss) < 1e-3 * loss);
    });
  }
  if (cols % group != 0) return;
  double loss;
  const Result alone = round(w, rows, cols, options_of(8, bits, group)), nothing_moves = solve(w, rows, cols, apart, options_of(8, bits, group), &loss);
  CHECK(nothing_moves.codes == alone.codes && nothing_moves.shifts == alone.shifts && nothing_moves.scale == alone.scale);
  CHECK(std::fabs(nothing_moves.mse - alone.mse) < 1e-6 * alone.mse);
}

void check_refusals(Random& random) {
  int64_t shifts, scales;
  const auto refused = [&](int base, int bits, int64_t group, int64_t base_group, qw_qrazor_rule rule, int64_t cols) {
    const qw_qrazor_options options = {base, bits, group, base_group, rule, QW_QRAZOR_INPUTS, 1, 0};
    return qw_qrazor_plan(&options, 4, cols, &shifts, &scales);
  };
  CHECK_FAILS(refused(12, 4, 8, -1, QW_QRAZOR_QLLM, 64), QW_UNSUPPORTED, "base of 12 bits");
  CHECK_FAILS(refused(8, 5, 8, -1, QW_QRAZOR_QLLM, 64), QW_UNSUPPORTED, "5 bits; 3, 4 and 8");
  CHECK_FAILS(refused(8, 4, 24, -1, QW_QRAZOR_QLLM, 96), QW_UNSUPPORTED, "group_size 24");
  CHECK_FAILS(refused(8, 4, 64, -1, QW_QRAZOR_QLLM, 96), QW_UNSUPPORTED, "64 does not divide the 96 columns");
  CHECK_FAILS(refused(8, 4, 32, 48, QW_QRAZOR_QLLM, 96), QW_INVALID_ARGUMENT, "a scale for 48 columns");
  CHECK_FAILS(refused(8, 3, 32, -1, QW_QRAZOR_ORIGINAL, 96), QW_UNSUPPORTED, "use the rule qllm");
  std::vector<float> w = random.vector(4 * 64);
  w[64 + 7] = NAN;
  const Result bad = round(w, 4, 64, options_of(8, 4, 16));
  CHECK(bad.row == 1 && bad.col == 7);
}

}  // namespace

int main() {
  Random random(10);
  check_every_integer();
  for (const int64_t group : {8, 16, 32, 64, 128}) {
    for (const int base : {8, 16}) {
      for (const int bits : {3, 4, 8}) {
        qw_qrazor_options options = options_of(base, bits, group);
        check_matrix(random.integer(2, 20), group * random.integer(1, 5), options, random);
        options.symmetric = 0;
        check_matrix(3, group * 2, options, random);
        options = options_of(base, bits, group);
        options.comp_aware = 1;
        check_matrix(5, group * 3, options, random);
        options.base_group_size = 2 * group;
        options.rule = bits == 3 ? QW_QRAZOR_QLLM : QW_QRAZOR_ORIGINAL;
        check_matrix(4, group * 4, options, random);
      }
    }
  }
  check_gptq(70, 160, 4, 8, false, random);
  check_gptq(130, 96, 4, 32, true, random);
  check_gptq(200, 130, 4, 128, true, random);
  check_gptq(64, 256, 3, 16, false, random);
  check_refusals(random);
  return finish("solve/qrazor");
}
