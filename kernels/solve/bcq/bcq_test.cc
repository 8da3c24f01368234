// Planes and alphas: every level against serial, bit for bit. The algorithm: against a plain one that tries every combination of signs in f64.
#include "solve/bcq/bcq.h"

#include <array>

#include "linear/float16.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

struct Solved {
  qw_status status = qw_ok();
  int64_t rows, cols, group_size, groups = 0;
  int bits;
  std::vector<uint32_t> planes;
  std::vector<float> alpha, q_bias;
  qw_bcq_result result{};

  bool sign(int64_t row, int64_t k, int bit) const { return (planes[size_t((k / 32 * bits + bit) * rows + row)] >> (k % 32) & 1) != 0; }
  float scale(int64_t row, int64_t group, int bit) const { return alpha[size_t((group * bits + bit) * rows + row)]; }
  double weight(int64_t row, int64_t k) const {
    const int64_t group = k / group_size;
    double sum = q_bias.empty() ? 0 : double(q_bias[size_t(group * rows + row)]);
    for (int i = 0; i < bits; ++i) sum += sign(row, k, i) ? double(scale(row, group, i)) : -double(scale(row, group, i));
    return sum;
  }
};

Solved solve(const qw_dense& source, const qw_bcq_options& options) {
  Solved out{};
  out.rows = source.rows, out.cols = source.cols, out.bits = options.bits;
  out.group_size = options.group_size == -1 ? source.cols : options.group_size;
  out.status = qw_bcq_plan(&options, source.rows, source.cols, &out.groups);
  if (out.status.code != QW_OK) return out;
  out.planes.assign(size_t((source.cols + 31) / 32 * options.bits * source.rows), 0xdeadbeef);
  out.alpha.assign(size_t(out.groups * options.bits * source.rows), NAN);
  out.status = qw_bcq(&source, &options, qw_pool_shared(), out.planes.data(), out.alpha.data(), &out.result);
  return out;
}

// The algorithm as published, for one group: f64, and every combination of signs tried.
struct Plain {
  std::vector<double> alpha;
  std::vector<std::vector<double>> signs;  // [bit][k]

  Plain(const float* w, int64_t count, int bits, int rounds) : alpha(size_t(bits)), signs(size_t(bits), std::vector<double>(size_t(count))) {
    std::vector<double> r(w, w + count);
    for (int i = 0; i < bits; ++i) {
      double sum = 0;
      for (double value : r) sum += std::fabs(value);
      alpha[size_t(i)] = sum / double(count);
      for (size_t k = 0; k < r.size(); ++k) {
        signs[size_t(i)][k] = r[k] > 0 ? 1 : r[k] < 0 ? -1 : 0;
        r[k] -= signs[size_t(i)][k] * alpha[size_t(i)];
      }
    }
    for (int round = 0; round < rounds && bits > 1; ++round) refine(w, size_t(count), size_t(bits));
  }

  void refine(const float* w, size_t count, size_t bits) {
    std::vector<double> r(bits), p, image(bits);
    std::vector<std::vector<double>> gram(bits, std::vector<double>(bits));
    for (size_t i = 0; i < bits; ++i) {
      for (size_t k = 0; k < count; ++k) {
        r[i] += signs[i][k] * double(w[k]);
        for (size_t j = 0; j < bits; ++j) gram[i][j] += signs[i][k] * signs[j][k];
      }
    }
    for (size_t i = 0; i < bits; ++i) {
      for (size_t j = 0; j < bits; ++j) r[i] -= gram[i][j] * alpha[j];
    }
    p = r;
    const auto dot = [bits](const std::vector<double>& a, const std::vector<double>& b) {
      double sum = 0;
      for (size_t i = 0; i < bits; ++i) sum += a[i] * b[i];
      return sum;
    };
    double norm = dot(r, r);
    for (size_t step = 0; step < bits; ++step) {
      for (size_t i = 0; i < bits; ++i) image[i] = dot(gram[i], p);
      const double length = norm / (dot(p, image) + 1e-6);
      for (size_t i = 0; i < bits; ++i) alpha[i] += length * p[i], r[i] -= length * image[i];
      const double next = dot(r, r), turn = next / (norm + 1e-6);
      for (size_t i = 0; i < bits; ++i) p[i] = r[i] + turn * p[i];
      norm = next;
    }
    for (double& value : alpha) value = std::fabs(value);
    std::sort(alpha.rbegin(), alpha.rend());
    for (size_t k = 0; k < count; ++k) {
      double least = INFINITY;
      for (unsigned code = 0; code < 1u << bits; ++code) {
        double sum = 0;
        for (size_t i = 0; i < bits; ++i) sum += (code >> i & 1) != 0 ? alpha[i] : -alpha[i];
        if (std::fabs(sum - double(w[k])) >= least) continue;
        least = std::fabs(sum - double(w[k]));
        for (size_t i = 0; i < bits; ++i) signs[i][k] = (code >> i & 1) != 0 ? 1 : -1;
      }
    }
  }
};

void check_against_plain(int64_t rows, int64_t cols, int64_t group_size, int bits, int rounds, Random& random) {
  const std::vector<float> w = random.vector(size_t(rows * cols), 0.05f);
  const qw_dense source = {QW_F32, rows, cols, w.data()};
  const Solved got = solve(source, {bits, group_size, rounds, 1, QW_F32});
  CHECK_OK(got.status);
  int64_t different = 0;
  double noise = 0, wanted_noise = 0, worst_alpha = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t group = 0; group < got.groups; ++group) {
      const int64_t first = group * got.group_size, count = std::min(got.group_size, cols - first);
      const Plain wanted(w.data() + row * cols + first, count, bits, rounds);
      for (int i = 0; i < bits; ++i) {
        worst_alpha = std::max(worst_alpha, std::fabs(double(got.scale(row, group, i)) - wanted.alpha[size_t(i)]) / (wanted.alpha[0] + 1e-30));
      }
      for (int64_t k = 0; k < count; ++k) {
        double sum = 0;
        for (int i = 0; i < bits; ++i) {
          const double sign = wanted.signs[size_t(i)][size_t(k)];
          different += got.sign(row, first + k, i) != (sign > 0);
          sum += sign * wanted.alpha[size_t(i)];
        }
        const double value = double(w[size_t(row * cols + first + k)]);
        wanted_noise += (sum - value) * (sum - value);
        noise += (got.weight(row, first + k) - value) * (got.weight(row, first + k) - value);
      }
    }
  }
  std::printf("  %lldx%lld g%lld, %d bits, %d rounds: %lld signs differ, alpha off by %.2g, mse %.9g, plain %.9g\n", (long long)rows,
              (long long)cols, (long long)group_size, bits, rounds, (long long)different, worst_alpha, noise / double(rows * cols),
              wanted_noise / double(rows * cols));
  // A weight a hair from a middle may fall to either side.
  CHECK(double(different) <= 1e-3 * double(rows * cols * bits));
  CHECK(std::fabs(noise - wanted_noise) <= 1e-4 * wanted_noise);
  CHECK(std::fabs(got.result.mse * double(rows * cols) - noise) <= 1e-5 * noise);
}

void check_levels_agree(int64_t rows, int64_t cols, const qw_bcq_options& options, qw_type type, Random& random) {
  std::vector<char> stored(size_t(rows * cols * qw_type_bytes(type)) + 1);
  for (int64_t i = 0; i < rows * cols; ++i) {
    // Multiples of 1/16 now and then: residuals of 0 and ties; a row of zeros, and one of a single value.
    const float drawn = random.integer(0, 3) == 0 ? float(random.integer(-16, 16)) / 16.0f : float(random.uniform(-1, 1));
    qw_write_typed(type, stored.data() + 1, i, i < cols ? 0.0f : i < 2 * cols ? 0.25f : drawn);
  }
  const qw_dense source = {type, rows, cols, stored.data() + 1};
  Solved serial{};
  every_level([&](qw_simd level) {
    const Solved got = solve(source, options);
    CHECK_OK(got.status);
    if (level == QW_SIMD_SERIAL) {
      serial = got;
      return;
    }
    CHECK(got.planes == serial.planes);
    CHECK(got.alpha == serial.alpha);
    CHECK(got.result.mse == serial.result.mse && got.result.sqnr_db == serial.result.sqnr_db);
  });
  for (int64_t k = cols; k < (cols + 31) / 32 * 32; ++k) {
    for (int64_t row = 0; row < rows; ++row) CHECK(!serial.sign(row, k, 0));
  }
  for (int64_t k = 0; k < cols; ++k) {
    // A row of one value is exact, whatever the bits.
    if (rows > 1) CHECK(std::fabs(serial.weight(1, k) - 0.25) < 1e-6 + (options.alpha_type == QW_F32 ? 0 : 1e-3));
  }
}

void check_rounds_improve(Random& random) {
  const std::vector<float> w = random.vector(32 * 256, 0.02f);
  const qw_dense source = {QW_F32, 32, 256, w.data()};
  for (int bits = 2; bits <= 4; ++bits) {
    const double greedy = solve(source, {bits, 64, 0, 1, QW_F32}).result.mse, refined = solve(source, {bits, 64, 1, 1, QW_F32}).result.mse,
                 alternating = solve(source, {bits, 64, 15, 1, QW_F32}).result.mse;
    CHECK(refined < greedy && alternating < refined);
  }
}

// Every weight of the affine form, to the last bit of f64, from every kind of codes.
void check_codes(int64_t rows, int64_t cols, int64_t group_size, int bits, bool is_signed, Random& random) {
  const int64_t groups = (cols + group_size - 1) / group_size;
  const int low = is_signed ? -(1 << (bits - 1)) : 0;
  std::vector<int8_t> codes(size_t(rows * cols));
  for (int8_t& code : codes) code = int8_t(random.integer(low, low + (1 << bits) - 1));
  std::vector<float> scale(size_t(rows * groups)), zero(scale.size());
  for (float& value : scale) value = qw_round_to_type(QW_F16, float(random.uniform(0.001, 0.1)));
  for (float& value : zero) value = float(random.integer(low, low + (1 << bits) - 1));
  const qw_affine affine = {rows, cols, group_size, {QW_CODES_BYTES, 0, is_signed, codes.data()}, {QW_F32, 0, scale.data()}, {QW_F32, 0, zero.data()}, nullptr, QW_F32};
  Solved got{};
  got.rows = rows, got.cols = cols, got.bits = bits, got.group_size = group_size, got.groups = groups;
  got.planes.resize(size_t((cols + 31) / 32 * bits * rows));
  got.alpha.resize(size_t(groups * bits * rows));
  got.q_bias.resize(size_t(groups * rows));
  CHECK_OK(qw_bcq_from_codes(&affine, bits, qw_pool_shared(), got.planes.data(), got.alpha.data(), got.q_bias.data()));
  int64_t different = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < cols; ++k) {
      const size_t at = size_t(row * groups + k / group_size);
      different += got.weight(row, k) != (double(codes[size_t(row * cols + k)]) - double(zero[at])) * double(scale[at]);
    }
  }
  CHECK(different == 0);
  codes[size_t(rows * cols - 1)] = int8_t(low + (1 << bits));
  if (bits < 4 || !is_signed) CHECK_FAILS(qw_bcq_from_codes(&affine, bits, qw_pool_shared(), got.planes.data(), got.alpha.data(), got.q_bias.data()), QW_INVALID_ARGUMENT, "does not fit");
}

void check_refusals() {
  std::vector<float> w(4 * 8, 1.0f);
  w[19] = NAN;
  w[30] = INFINITY;
  const qw_dense source = {QW_F32, 4, 8, w.data()};
  const Solved got = solve(source, {2, 4, 3, 1, QW_F32});
  CHECK_OK(got.status);
  CHECK(got.result.not_finite_row == 2 && got.result.not_finite_col == 3);
  CHECK_FAILS(solve(source, {5, 4, 1, 1, QW_F32}).status, QW_UNSUPPORTED, "5 bits; 1, 2, 3 and 4");
  CHECK_FAILS(solve(source, {2, 9, 1, 1, QW_F32}).status, QW_INVALID_ARGUMENT, "group_size 9 of a matrix with 8 columns");
  CHECK_FAILS(solve(source, {2, 4, -1, 1, QW_F32}).status, QW_INVALID_ARGUMENT, "-1 rounds");
  const std::vector<float> large(8, 1e6f);
  const qw_dense wide = {QW_F32, 1, 8, large.data()};
  CHECK_FAILS(solve(wide, {2, 4, 1, 1, QW_F16}).status, QW_UNSUPPORTED, "row 0, group 0 is too large for f16");
}

}  // namespace

int main() {
  Random random(11);
  for (const int bits : {1, 2, 3, 4}) {
    for (const int rounds : {0, 1, 15}) {
      check_against_plain(24, 128, 32, bits, rounds, random);
      check_against_plain(9, 201, 64, bits, rounds, random);
    }
    check_against_plain(8, 1100, -1, bits, 5, random);
  }
  int which = 0;
  for (const auto& [rows, cols] : {std::array<int64_t, 2>{33, 70}, {7, 256}, {2, 1}, {17, 2500}}) {
    for (const int64_t group_size : {int64_t(-1), int64_t(32), int64_t(13), int64_t(5)}) {
      if (group_size > cols) continue;
      for (const int rounds : {0, 1, 4}) {
        ++which;
        check_levels_agree(rows, cols, {1 + which % 4, group_size, rounds, which % 5 != 0, qw_type(which % 3)}, qw_type(which / 2 % 3), random);
      }
    }
  }
  check_rounds_improve(random);
  for (const int bits : {1, 2, 3, 4}) {
    for (const bool is_signed : {false, true}) check_codes(19, 100, 24, bits, is_signed, random);
  }
  check_refusals();
  return finish("solve/bcq");
}
