#include "solve/awq/awq.h"

#include "testing/check.h"

using namespace qw_test;

namespace {

qw_dense dense_f32(const std::vector<float>& values, int64_t cols) {
  return {QW_F32, int64_t(values.size()) / cols, cols, values.data()};
}

qw_rtn_options rounding(qw_rtn_dialect dialect, int bits, int symmetric, int64_t group_size) {
  qw_rtn_options options{};
  options.dialect = dialect;
  options.bits = bits;
  options.symmetric = symmetric;
  options.group_size = group_size;
  options.scale_type = QW_F32;
  return options;
}

// What qw_rtn makes of the matrix.
std::vector<float> rounded(const std::vector<float>& w, int64_t cols, const qw_rtn_options& options) {
  const qw_dense source = dense_f32(w, cols);
  int is_signed = 0;
  int64_t groups = 0;
  CHECK_OK(qw_rtn_plan(&options, source.rows, cols, &is_signed, &groups));
  const int64_t size = options.group_size == -1 ? cols : options.group_size;
  std::vector<uint8_t> codes(w.size());
  std::vector<float> scale(size_t(source.rows * groups)), zero(scale.size()), out(w.size());
  qw_rtn_result result;
  CHECK_OK(qw_rtn(&source, &options, qw_pool_shared(), codes.data(), scale.data(), zero.data(), &result));
  for (int64_t i = 0; i < int64_t(w.size()); ++i) {
    const size_t at = size_t(i / cols * groups + i % cols / size);
    out[size_t(i)] = ((is_signed ? float(int8_t(codes[size_t(i)])) : float(codes[size_t(i)])) - zero[at]) * scale[at];
  }
  return out;
}

void check_weight_sums(Random& random, int64_t rows, int64_t cols, int64_t group_size) {
  std::vector<float> w = random.vector(size_t(rows * cols));
  for (int64_t c = 0; c < std::min<int64_t>(cols, group_size); ++c) w[size_t(c)] = 0;  // a group of zeros
  const qw_dense source = dense_f32(w, cols);
  std::vector<double> wanted(size_t(cols), 0.0);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const int64_t first = c / group_size * group_size, last = std::min(cols, first + group_size);
      double most = 0;
      for (int64_t k = first; k < last; ++k) most = std::max(most, double(std::fabs(w[size_t(r * cols + k)])));
      if (most > 0) wanted[size_t(c)] += std::fabs(double(w[size_t(r * cols + c)])) / (most + 1e-6);
    }
  }
  every_level([&](qw_simd) {
    std::vector<double> sums(static_cast<size_t>(cols));
    CHECK_OK(qw_awq_weight_sums(&source, group_size, 1e-6f, qw_pool_shared(), sums.data()));
    CHECK(compare(sums.data(), wanted.data(), sums.size()).max_rel < 1e-6);
  });
}

void check_fake_quantize(Random& random, const qw_rtn_options& options, int64_t rows, int64_t cols) {
  const std::vector<float> w = random.vector(size_t(rows * cols));
  std::vector<float> scale = random.vector(size_t(cols)), scaled = w;
  for (float& by : scale) by = std::exp(by);
  for (size_t i = 0; i < w.size(); ++i) scaled[i] *= scale[i % size_t(cols)];
  std::vector<float> wanted = rounded(scaled, cols, options);
  for (size_t i = 0; i < w.size(); ++i) wanted[i] /= scale[i % size_t(cols)];
  const qw_dense source = dense_f32(w, cols);
  every_level([&](qw_simd) {
    std::vector<float> got(w.size());
    CHECK_OK(qw_awq_fake_quantize(&source, scale.data(), &options, qw_pool_shared(), got.data()));
    CHECK(got == wanted);
  });
}

// Every group by the definition: clip, round, and the mean over tokens of the squared change of what the group adds to the sum, in f64.
void check_clip(Random& random, const qw_rtn_options& options, int64_t rows, int64_t cols, int64_t tokens) {
  const int64_t size = options.group_size == -1 ? cols : options.group_size, groups = (cols + size - 1) / size;
  const std::vector<float> w = random.vector(size_t(rows * cols)), x = random.vector(size_t(tokens * cols));
  const qw_awq_clip_options search = {20, 0.5};
  const qw_dense source = dense_f32(w, cols);
  const auto error_of = [&](int64_t r, int64_t g, float limit) {
    const int64_t first = g * size, count = std::min(size, cols - first);
    std::vector<float> clipped(static_cast<size_t>(count));
    for (int64_t k = 0; k < count; ++k) clipped[size_t(k)] = std::min(std::max(w[size_t(r * cols + first + k)], -limit), limit);
    qw_rtn_options one = options;
    one.group_size = -1;
    const std::vector<float> made = rounded(clipped, count, one);
    double sum = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      double change = 0;
      for (int64_t k = 0; k < count; ++k) {
        change += double(made[size_t(k)] - w[size_t(r * cols + first + k)]) * double(x[size_t(t * cols + first + k)]);
      }
      sum += change * change;
    }
    return sum / double(tokens);
  };
  std::vector<float> serial;
  every_level([&](qw_simd level) {
    std::vector<float> limits(size_t(rows * groups));
    CHECK_OK(qw_awq_clip(&source, x.data(), tokens, &options, &search, qw_pool_shared(), limits.data()));
    if (level == QW_SIMD_SERIAL) serial = limits;
    size_t different = 0;
    for (size_t i = 0; i < limits.size(); ++i) different += limits[i] != serial[i];
    CHECK(different * 100 <= limits.size());  // equal but where two candidates are
  });
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t g = 0; g < groups; ++g) {
      float most = 0;
      for (int64_t k = g * size; k < std::min(cols, (g + 1) * size); ++k) most = std::max(most, std::fabs(w[size_t(r * cols + k)]));
      double least = INFINITY;
      bool among = false;
      for (int i = 0; i < 10; ++i) {
        const float limit = most * float(1.0 - i / 20.0);
        least = std::min(least, error_of(r, g, limit));
        among = among || limit == serial[size_t(r * groups + g)];
      }
      CHECK(among);
      CHECK(error_of(r, g, serial[size_t(r * groups + g)]) <= least * (1 + 1e-4) + 1e-12);
    }
  }
}

void check_refusals() {
  const std::vector<float> w(8, 1.0f), x(8, 1.0f);
  const qw_dense source = dense_f32(w, 4);
  const qw_rtn_options options = rounding(QW_RTN_AWQ, 4, 0, 2);
  float limits[4];
  const qw_awq_clip_options search = {20, 0.5}, endless = {20, 2};
  CHECK_FAILS(qw_awq_clip(&source, x.data(), 0, &options, &search, qw_pool_shared(), limits), QW_INVALID_ARGUMENT, "at least one token");
  CHECK_FAILS(qw_awq_clip(&source, x.data(), 2, &options, &endless, qw_pool_shared(), limits), QW_INVALID_ARGUMENT, "clip search of 20 steps");
  double sums[4];
  CHECK_FAILS(qw_awq_weight_sums(&source, 0, 0, qw_pool_shared(), sums), QW_INVALID_ARGUMENT, "group_size 0");
}

}  // namespace

int main() {
  Random random(23);
  for (int64_t group_size : {5, 32, 70}) check_weight_sums(random, 9, 70, group_size);
  check_weight_sums(random, 40, 600, 128);
  for (int bits : {3, 4, 8}) {
    for (int symmetric : {0, 1}) {
      for (qw_rtn_dialect dialect : {QW_RTN_AWQ, QW_RTN_INC, QW_RTN_IST}) {
        check_fake_quantize(random, rounding(dialect, bits, symmetric, 32), 7, 100);
        check_fake_quantize(random, rounding(dialect, bits, symmetric, -1), 3, 50);
      }
      check_clip(random, rounding(QW_RTN_AWQ, bits, symmetric, 32), 20, 96, 50);
    }
  }
  check_clip(random, rounding(QW_RTN_AWQ, 4, 0, -1), 18, 130, 12);   // more columns than tokens
  check_clip(random, rounding(QW_RTN_AWQ, 4, 0, 48), 5, 100, 300);  // a short last group, no multiple of a panel
  check_refusals();
  return finish("solve/awq");
}
