// The product must equal the specification to the bit on every level: which columns are outliers, the integer accumulators, the f64
// epilogue, and the outlier columns added in their order.
#include <cmath>
#include <cstring>

#include "linear/int8/weight.h"
#include "linear/levels_case.h"
#include "linear/linear_case.h"
#include "linear/saved_case.h"

namespace {

using namespace qw_test;

qw_weight* packed(const AffineCase& test, float threshold) {
  qw_activations activations{};
  activations.kind = QW_ACTIVATION_OUTLIERS;
  activations.bits = 8;
  activations.threshold = threshold;
  const qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_int8(&affine, 8, &activations, qw_pool_shared(), &weight));
  if (weight != nullptr) CHECK(std::strcmp(weight->codec->name, "llm_int8") == 0);
  return weight;
}

struct Wanted {
  std::vector<float> y;
  std::vector<double> integers;  // acc less r * zero, before scales
  int64_t columns = 0, largest = 0;
};

// Section 8 of LLM.int8() from unpacked codes; int64 sums show that int32 was enough.
Wanted reference(const AffineCase& test, float threshold, const float* x, int64_t ldx, int64_t m, const float* bias) {
  const int64_t rows = test.shape.rows, cols = test.shape.cols;
  const auto is_outlier = [&](float value) { return threshold > 0 && !(std::fabs(value) < threshold); };
  std::vector<bool> outlier(size_t(cols), false);
  Wanted wanted;
  for (int64_t k = 0; k < cols; ++k) {
    for (int64_t i = 0; i < m; ++i) {
      if (is_outlier(x[i * ldx + k])) outlier[size_t(k)] = true;
    }
    wanted.columns += outlier[size_t(k)];
  }
  for (int64_t i = 0; i < m; ++i) {
    float most = 0;
    for (int64_t k = 0; k < cols; ++k) {
      if (!is_outlier(x[i * ldx + k])) most = std::max(most, std::fabs(x[i * ldx + k]));
    }
    std::vector<int64_t> q(size_t(cols), 0);
    int64_t sum = 0;
    for (int64_t k = 0; k < cols && most > 0; ++k) {
      if (!outlier[size_t(k)]) q[size_t(k)] = int64_t(std::nearbyint(std::min(127.0f, std::max(-128.0f, x[i * ldx + k] * (127.0f / most)))));
      sum += q[size_t(k)];
    }
    for (int64_t row = 0; row < rows; ++row) {
      int64_t acc = 0;
      for (int64_t k = 0; k < cols; ++k) {
        const int8_t stored = test.codes[size_t(row * cols + k)];
        acc += (test.shape.is_signed ? int64_t(stored) : int64_t(uint8_t(stored))) * q[size_t(k)];
      }
      wanted.largest = std::max<int64_t>(wanted.largest, std::llabs(acc));
      const double exact = double(acc) - double(sum) * double(test.zero[size_t(row)]);
      wanted.integers.push_back(exact);
      float y = float(exact * (double(most / 127.0f) * double(test.scale[size_t(row)])) + (bias == nullptr ? 0.0 : bias[row]));
      for (int64_t k = 0; k < cols; ++k) {
        if (outlier[size_t(k)]) y = std::fma(x[i * ldx + k], test.weight(row, k), y);
      }
      wanted.y.push_back(y);
    }
  }
  return wanted;
}

const std::vector<int64_t> kCounts = {1, 2, 7, 8, 9, 14, 17, 40};

// Prints what was the case; returns the most columns that were outliers.
int64_t check_case(const AffineCase& test, float threshold, const std::vector<float>& x, int64_t ldx, const std::vector<int64_t>& counts,
                   const float* bias, const char* what) {
  qw_weight* weight = packed(test, threshold);
  if (weight == nullptr) return 0;
  int64_t differing = 0, largest = 0, columns = 0;
  for (const int64_t m : counts) {
    const Wanted wanted = reference(test, threshold, x.data(), ldx, m, bias);
    largest = std::max(largest, wanted.largest);
    columns = std::max(columns, wanted.columns);
    every_level([&](qw_simd) {
      const Product got(weight, x.data(), ldx, m, bias);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t row = 0; row < weight->rows; ++row) {
          differing += std::memcmp(&got.y[size_t(i * got.ldy + row)], &wanted.y[size_t(i * weight->rows + row)], sizeof(float)) != 0;
        }
        for (int64_t pad = weight->rows; pad < got.ldy; ++pad) differing += got.y[size_t(i * got.ldy + pad)] != 12345.0f;
      }
      CHECK(differing == 0);
    });
  }
  std::printf("  llm_int8 %s %s, threshold %g: largest |acc| %lld, up to %lld outlier columns, %lld values differ on any level\n", what,
              test.shape.name().c_str(), double(threshold), (long long)largest, (long long)columns, (long long)differing);
  qw_weight_free(weight);
  return columns;
}

void check_random(Random& random) {
  const int64_t shapes[][2] = {{33, 172}, {1, 1}, {16, 200}, {50, 33}, {384, 384}, {17, 2050}};
  int which = 0;
  for (const auto& s : shapes) {
    const AffineCase test({s[0], s[1], s[1], 8, which % 2 == 0, false, which % 3 == 0, qw_type(which % 3)}, random);
    const int64_t ldx = s[1] + 1;
    std::vector<float> x = random.vector(size_t(40 * ldx));
    const std::vector<float> bias = random.vector(size_t(s[0]));
    for (int n = 0; n < 5; ++n) x[size_t(random.integer(0, 7) * ldx + random.integer(0, s[1] - 1))] = float(random.uniform(-60, 60));
    for (const float threshold : {0.0f, 0.5f, 2.0f, 6.0f}) {
      check_case(test, threshold, x, ldx, kCounts, which % 2 ? bias.data() : nullptr, "random");
    }
    ++which;
  }
}

// No outliers, all outliers, one of 1e4, rows of zeros, one sign only, exactly the threshold, and columns found in the last rows of a long
// product.
void check_adversarial(Random& random) {
  const int64_t cols = 300;
  const AffineCase test({20, cols, cols, 8, true, false, false, QW_F32}, random);
  const std::vector<float> bias = random.vector(20);
  std::vector<float> calm(size_t(9 * cols)), wild(size_t(9 * cols)), positive(size_t(9 * cols)), zeros(size_t(9 * cols), 0.0f);
  for (float& value : calm) value = float(random.uniform(-5.9, 5.9));
  for (float& value : wild) value = float(random.uniform(6, 100)) * (random.integer(0, 1) != 0 ? 1.0f : -1.0f);
  for (float& value : positive) value = float(random.uniform(0.1, 5.9));
  CHECK(check_case(test, 6, calm, cols, {1, 4, 9}, bias.data(), "no outliers") == 0);
  CHECK(check_case(test, 6, wild, cols, {1, 4, 9}, bias.data(), "all outliers") == cols);
  CHECK(check_case(test, 6, positive, cols, {1, 4, 9}, bias.data(), "one sign") == 0);
  CHECK(check_case(test, 6, zeros, cols, {1, 4, 9}, bias.data(), "zeros") == 0);
  std::vector<float> one = calm;
  one[size_t(3 * cols + 17)] = 1e4f;
  for (int64_t k = 0; k < cols; ++k) one[size_t(5 * cols + k)] = 0;
  CHECK(check_case(test, 6, one, cols, {1, 4, 9}, nullptr, "one of 1e4") == 1);
  std::vector<float> edge = calm;
  edge[size_t(7)] = 6.0f;
  edge[size_t(9)] = std::nextafter(6.0f, 0.0f);
  edge[size_t(11)] = -6.0f;
  CHECK(check_case(test, 6, edge, cols, {1, 4}, nullptr, "the threshold") == 2);
  std::vector<float> tiny = zeros;
  for (float& value : tiny) value = 1e-41f;
  check_case(test, 1e-42f, tiny, cols, {2}, nullptr, "denormals");
  std::vector<float> late = random.vector(size_t(450 * cols), 0.5f);
  late[size_t(449 * cols + 299)] = -70;
  CHECK(check_case(test, 6, late, cols, {450}, bias.data(), "found late") == 1);
}

// Every integer product the largest there is, read off as it is: scales of 1.
void check_saturating(Random& random) {
  for (const bool is_signed : {true, false}) {
    for (const int fill : {-128, 127, -1}) {  // as bytes: 128, 127, 255
      AffineCase test({18, 515, 515, 8, is_signed, false, false, QW_F32}, random);
      std::fill(test.codes.begin(), test.codes.end(), int8_t(fill));
      std::fill(test.scale.begin(), test.scale.end(), 1.0f);
      std::fill(test.zero.begin(), test.zero.end(), 0.0f);
      std::vector<float> x(size_t(15 * 515));
      for (size_t i = 0; i < x.size(); ++i) x[i] = i / 515 % 2 ? -127.0f : 127.0f;
      const Wanted wanted = reference(test, 0, x.data(), 515, 15, nullptr);
      for (size_t i = 0; i < wanted.y.size(); ++i) CHECK(double(wanted.y[i]) == wanted.integers[i]);  // below 2^24: nothing is rounded
      check_case(test, 0, x, 515, {1, 4, 15}, nullptr, "saturating");
      x[200] = 1000;
      check_case(test, 128, x, 515, {1, 4, 15}, nullptr, "saturating beside an outlier");
    }
  }
}

// Columns in floating point miss only what the weights' codes do; the same columns as integers take the range of all others.
void check_that_outliers_help(Random& random) {
  const AffineCase test({64, 512, 512, 8, true, false, false, QW_F32}, random);
  std::vector<float> x = random.vector(size_t(16 * 512)), w;
  for (int64_t i = 0; i < 16; ++i) x[size_t(i * 512 + 100)] = i % 2 ? 300.0f : -250.0f;
  for (int64_t row = 0; row < 64; ++row) {
    for (int64_t k = 0; k < 512; ++k) w.push_back(test.weight(row, k));
  }
  std::vector<double> bound;
  const std::vector<double> exact = naive_product(w, 64, 512, x.data(), 512, 16, nullptr, &bound);
  double errors[2];
  for (int which = 0; which < 2; ++which) {
    qw_weight* weight = packed(test, which == 0 ? 0.0f : 6.0f);
    const Product got(weight, x.data(), 512, 16, nullptr);
    double error = 0, size = 0;
    for (int64_t i = 0; i < 16; ++i) {
      for (int64_t row = 0; row < 64; ++row) {
        const double difference = double(got.y[size_t(i * got.ldy + row)]) - exact[size_t(i * 64 + row)];
        error += difference * difference;
        size += exact[size_t(i * 64 + row)] * exact[size_t(i * 64 + row)];
      }
    }
    errors[which] = std::sqrt(error / size);
    qw_weight_free(weight);
  }
  std::printf("  llm_int8 relative error of a product with one large column: %.3g as integers, %.3g beside them\n", errors[0], errors[1]);
  CHECK(errors[1] < errors[0] / 20);
}

// A NaN or an infinity reaches its own row only, with and without a threshold.
void check_not_finite(Random& random) {
  const AffineCase test({20, 40, 40, 8, true, false, false, QW_F32}, random);
  for (const float threshold : {0.0f, 6.0f}) {
    check_nan_rows(packed(test, threshold), random);
    qw_weight* weight = packed(test, threshold);
    std::vector<float> x = random.vector(3 * 40);
    x[7] = std::nanf("0x3fffff");
    x[40 + 39] = -INFINITY;
    every_level([&](qw_simd) {
      const Product got(weight, x.data(), 40, 3, nullptr);
      for (int row = 0; row < 20; ++row) {
        CHECK(std::isnan(got.y[size_t(row)]));
        CHECK(!std::isfinite(got.y[size_t(got.ldy + row)]));
        CHECK(std::isfinite(got.y[size_t(2 * got.ldy + row)]));
      }
    });
    qw_weight_free(weight);
  }
}

void check_saved(Random& random) {
  const AffineCase test({33, 172, 172, 8, true, false, true, QW_F16}, random);
  qw_weight* weight = packed(test, 2.5f);
  Aligned bytes(qw_saved_bytes(weight));
  CHECK_OK(qw_weight_save(weight, append, &bytes));
  qw_weight* restored = nullptr;
  CHECK_OK(qw_weight_restore(bytes.data(), bytes.length, &restored));
  if (restored == nullptr) return;
  CHECK(restored->bytes == weight->bytes && restored->codec == weight->codec);
  const std::vector<float> x = random.vector(size_t(12 * 172), 2);
  every_level([&](qw_simd) {
    const Product wanted(weight, x.data(), 172, 12, nullptr), got(restored, x.data(), 172, 12, nullptr);
    CHECK(std::memcmp(wanted.y.data(), got.y.data(), got.y.size() * sizeof(float)) == 0);
  });
  qw_weight_free(restored);
  for (size_t length = 0; length < bytes.length; length += 64) CHECK(qw_weight_restore(bytes.data(), length, &restored).code != QW_OK);
  qw_weight_free(weight);
}

void check_refusals(Random& random) {
  const AffineCase test({4, 8, 8, 8, true, false, false, QW_F32}, random);
  qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  qw_activations activations{};
  activations.kind = QW_ACTIVATION_OUTLIERS;
  activations.bits = 8;
  for (const float threshold : {-1.0f, INFINITY, NAN}) {
    activations.threshold = threshold;
    CHECK_FAILS(qw_weight_int8(&affine, 8, &activations, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "a threshold of at least 0");
  }
  activations.threshold = 6;
  affine.group_size = 4;
  CHECK(qw_weight_int8(&affine, 8, &activations, qw_pool_shared(), &weight).code == QW_UNSUPPORTED && weight == nullptr);
  affine.group_size = affine.cols = 70000;
  CHECK_FAILS(qw_weight_int8(&affine, 8, &activations, qw_pool_shared(), &weight), QW_UNSUPPORTED, "65536 columns");
}

}  // namespace

int main() {
  qw_test::Random random(208);
  check_random(random);
  check_adversarial(random);
  check_saturating(random);
  check_that_outliers_help(random);
  check_not_finite(random);
  check_saved(random);
  check_refusals(random);
  return qw_test::finish("linear/llm_int8");
}
