// Codes against the textbook algorithm in f64; the block kernel of every level against serial, bit for bit.
#include "solve/gptq/gptq.h"

#include "cpu/pick.h"
#include "linear/float16.h"
#include "solve/gptq/gptq_case.h"
#include "solve/gptq/line.h"
#include "solve/rtn/fit.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

struct Solved {
  qw_status status = qw_ok();
  int64_t groups = 0;
  std::vector<uint8_t> codes;
  std::vector<float> scale, zero;
  std::vector<int32_t> g_idx;
  qw_gptq_result result{};
};

Solved solve(const qw_dense& source, const Factor& factor, const qw_gptq_options& options) {
  Solved out;
  out.status = qw_gptq_plan(&options, source.rows, source.cols, &out.groups);
  if (out.status.code != QW_OK) return out;
  out.codes.resize(size_t(source.rows * source.cols));
  out.scale.resize(size_t(source.rows * out.groups));
  out.zero.resize(out.scale.size());
  out.g_idx.resize(size_t(source.cols));
  out.status = qw_gptq_solve(&source, factor.packed.data(), factor.order.data(), factor.dead.data(), &options, qw_pool_shared(), out.codes.data(),
                             out.scale.data(), out.zero.data(), out.g_idx.data(), &out.result);
  return out;
}

// Textbook: blocks of 128 with groups fitted on what the blocks before left, one row at a time. Errors are moved in f64; the quotient that is rounded is f32,
// because the largest weight of a symmetric group lies exactly between two codes.
Solved textbook(const std::vector<float>& weights, int64_t rows, int64_t width, const Factor& factor, const qw_gptq_options& options) {
  Solved out;
  qw_gptq_plan(&options, rows, width, &out.groups);
  const int64_t group_size = options.group_size == -1 ? width : options.group_size;
  qw_rtn_options grid_options{};
  grid_options.dialect = QW_RTN_IST;
  grid_options.bits = options.bits;
  grid_options.symmetric = options.symmetric;
  out.codes.resize(weights.size());
  out.scale.resize(size_t(rows * out.groups));
  out.zero.resize(out.scale.size());
  for (int64_t row = 0; row < rows; ++row) {
    const float* original = weights.data() + row * width;
    const auto fit = [&](int64_t group, const std::vector<double>& from) {
      float low = float(from[size_t(group * group_size)]), high = low;
      for (int64_t i = group * group_size; i < std::min(width, (group + 1) * group_size); ++i) {
        low = std::min(low, float(from[size_t(i)]));
        high = std::max(high, float(from[size_t(i)]));
      }
      const qw_rtn_grid grid = qw_rtn_fit(&grid_options, low, high, 1.0f);
      out.scale[size_t(row * out.groups + group)] = qw_round_to_type(options.scale_type, grid.scale);
      out.zero[size_t(row * out.groups + group)] = grid.zero;
    };
    std::vector<double> x(original, original + width), w(x.size());
    if (options.group_size == -1) fit(0, x);
    for (int64_t i = 0; i < width; ++i) x[size_t(i)] = factor.dead[size_t(i)] ? 0 : x[size_t(i)];
    for (int64_t g = 0; options.static_groups && options.group_size != -1 && g < out.groups; ++g) fit(g, x);
    for (int64_t i = 0; i < width; ++i) w[size_t(i)] = x[size_t(factor.order[size_t(i)])];
    std::vector<double> stale = w;
    for (int64_t i = 0; i < width; ++i) {
      if (i % 128 == 0) stale = w;
      if (i % group_size == 0 && options.group_size != -1 && !options.static_groups) fit(i / group_size, stale);
      const int64_t column = factor.order[size_t(i)], group = (options.static_groups ? column : i) / group_size;
      const float scale = out.scale[size_t(row * out.groups + group)], zero = out.zero[size_t(row * out.groups + group)];
      const float code = std::min(std::max(std::nearbyint(float(w[size_t(i)]) / scale) + zero, 0.0f), float((1 << options.bits) - 1));
      const double error = (w[size_t(i)] - double(scale * (code - zero))) / double(factor.at(i, i));
      out.codes[size_t(row * width + column)] = uint8_t(code);
      out.result.loss += error * error / 2;
      for (int64_t j = i + 1; j < width; ++j) w[size_t(j)] -= error * double(factor.at(i, j));
    }
  }
  return out;
}

void check_solve(int64_t rows, int64_t width, const qw_gptq_options& options, bool desc_act, Random& random) {
  const std::vector<float> weights = random.vector(size_t(rows * width)), hessian = random_hessian(width, 2 * width, width / 40, random);
  const Factor factor = factor_of(hessian, width, 0.01, desc_act);
  CHECK_OK(factor.status);
  const Solved wanted = textbook(weights, rows, width, factor, options);
  const qw_dense source = {QW_F32, rows, width, weights.data()};
  every_level([&](qw_simd level) {
    const Solved got = solve(source, factor, options);
    CHECK_OK(got.status);
    size_t codes = 0;
    for (size_t i = 0; i < got.codes.size(); ++i) codes += got.codes[i] != wanted.codes[i];
    const double share = double(codes) / double(got.codes.size()), loss = std::fabs(got.result.loss / wanted.result.loss - 1);
    if (share > 0.01 || loss > 0.005) {
      std::printf("  %s, %d bits, group %lld: %.3f %% of the codes differ, the loss by %.3f %%\n", qw_simd_name(level), options.bits,
                  (long long)options.group_size, 100 * share, 100 * loss);
    }
    CHECK(share <= 0.01 && loss <= 0.005);
    CHECK(got.result.not_finite_row == -1);
    // The reported error is that of what is returned.
    double noise = 0;
    for (int64_t i = 0; i < rows * width; ++i) {
      const size_t at = size_t(i / width * got.groups + got.g_idx[size_t(i % width)]);
      noise += std::pow(double(weights[size_t(i)]) - double((float(got.codes[size_t(i)]) - got.zero[at]) * got.scale[at]), 2);
    }
    CHECK(std::fabs(got.result.mse * double(rows * width) - noise) <= 1e-5 * noise);
  });
}

void check_blocks(Random& random) {
  for (const int64_t count : {1, 31, 32, 100, 128}) {
    const int64_t panels = qw::gptq_panels(count);
    std::vector<float> upper = random.vector(size_t(panels * count * 32), 0.1f);
    for (int64_t i = 0; i < count; ++i) upper[size_t((i / 32 * count + i) * 32 + i % 32)] = float(random.uniform(0.5, 2));
    const std::vector<float> w = random.vector(size_t(count * 32));
    std::vector<float> scale(64), zero(64);
    for (size_t i = 0; i < scale.size(); ++i) scale[i] = float(random.uniform(0.05, 0.3)), zero[i] = float(random.integer(0, 15));
    std::vector<const float*> scales, zeros;
    for (int64_t i = 0; i < count; ++i) scales.push_back(&scale[size_t(i % 3 == 0 ? 32 : 0)]), zeros.push_back(&zero[size_t(i % 3 == 0 ? 32 : 0)]);
    std::vector<float> serial;
    every_level([&](qw_simd level) {
      std::vector<float> work = w, codes(w.size()), errors(w.size()), loss(32);
      QW_PICK(qw::gptq_block)({count, upper.data(), scales.data(), zeros.data(), 15, work.data(), codes.data(), errors.data(), loss.data()});
      std::vector<float> all = codes;
      all.insert(all.end(), errors.begin(), errors.end());
      all.insert(all.end(), loss.begin(), loss.end());
      if (level == QW_SIMD_SERIAL) serial = all;
      CHECK(std::memcmp(all.data(), serial.data(), all.size() * sizeof(float)) == 0);
    });
  }
}

qw_gptq_options options_of(int bits, int symmetric, int64_t group_size, int static_groups = 0) {
  qw_gptq_options options{};
  options.bits = bits;
  options.symmetric = symmetric;
  options.group_size = group_size;
  options.static_groups = static_groups;
  return options;
}

// Inputs that are always equal: rounding one up must round the other down.
void check_by_hand() {
  const std::vector<float> hessian = {1, 1, 1, 1};
  const Factor factor = factor_of(hessian, 2, 0.0001, false);
  CHECK_OK(factor.status);
  // 4 bits symmetric, absmax 7.5: steps of 1. 0.4 becomes 0, which leaves its 0.4 to 7.5 - 0.4 -> 7.5 + 0.4: clamped to 7.
  const std::vector<float> weights = {0.4f, -7.5f, 2.4f, 3.4f};
  qw_gptq_options options = options_of(4, 1, -1);
  const Solved got = solve({QW_F32, 2, 2, weights.data()}, factor, options);
  CHECK_OK(got.status);
  CHECK(got.scale[0] == 1 && got.zero[0] == 8 && got.codes[0] == 8 && got.codes[1] == 1);  // -7.5 + 0.4 = -7.1 -> -7, where alone it is -8
}

void check_refusals(Random& random) {
  std::vector<float> weights = random.vector(200 * 40);
  Factor factor = factor_of(random_hessian(40, 80, 0, random), 40, 0.01, true);
  CHECK_FAILS(solve({QW_F32, 200, 40, weights.data()}, factor, options_of(9, 1, -1)).status, QW_UNSUPPORTED, "9 bits");
  CHECK_FAILS(solve({QW_F32, 200, 40, weights.data()}, factor, options_of(4, 1, 41)).status, QW_INVALID_ARGUMENT, "group_size 41");
  weights[150 * 40 + 3] = INFINITY;
  weights[20 * 40 + 9] = NAN;
  every_level([&](qw_simd) {
    const Solved got = solve({QW_F32, 200, 40, weights.data()}, factor, options_of(4, 1, 32));
    CHECK_OK(got.status);
    CHECK(got.result.not_finite_row == 20 && got.result.not_finite_col == 9);
  });
  weights[150 * 40 + 3] = 0;
  weights[20 * 40 + 9] = 1e7f;
  qw_gptq_options half = options_of(4, 1, 32);
  half.scale_type = QW_F16;
  CHECK_FAILS(solve({QW_F32, 200, 40, weights.data()}, factor, half).status, QW_UNSUPPORTED, "too large for f16");
  factor.order[3] = factor.order[4];
  CHECK_FAILS(solve({QW_F32, 200, 40, weights.data()}, factor, options_of(4, 1, 32)).status, QW_INVALID_ARGUMENT, "no permutation");
}

}  // namespace

int main() {
  Random random(6);
  check_by_hand();
  check_blocks(random);
  check_solve(33, 300, options_of(4, 1, 32), false, random);
  check_solve(40, 300, options_of(3, 0, 32), true, random);
  check_solve(70, 256, options_of(2, 0, 64, 1), true, random);
  check_solve(40, 300, options_of(8, 1, 200), false, random);
  check_solve(70, 130, options_of(4, 0, -1), true, random);
  check_solve(300, 20, options_of(4, 1, 7), true, random);
  qw_gptq_options half = options_of(4, 1, 100);
  half.scale_type = QW_F16;
  check_solve(50, 256, half, false, random);
  check_refusals(random);
  return finish("solve/gptq");
}
