// Every level against the f64 product of weights restored here from the stored tensors, with rows of many, few and no outliers.
#include <array>

#include "linear/levels_case.h"
#include "linear/saved_case.h"
#include "linear/spqr/spqr_case.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 15, 33};

void check_shape(const SpqrCase& test, Random& random) {
  const qw_spqr from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_spqr(&from, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  const int64_t rows = test.rows, cols = test.cols;
  std::vector<float> sizes, dequantized(size_t(rows * cols));
  const std::vector<float> wanted_weights = test.weights(&sizes);
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == wanted_weights);
  const int64_t ldx = cols + 3;
  const std::vector<float> x = random.vector(size_t(33 * ldx)), bias = random.vector(size_t(rows));
  WorstOfLevels levels;
  for (const int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> bound, size_bound;
    const std::vector<double> wanted = naive_product(wanted_weights, rows, cols, x.data(), ldx, m, with_bias, &bound);
    naive_product(sizes, rows, cols, x.data(), ldx, m, nullptr, &size_bound);
    for (size_t i = 0; i < bound.size(); ++i) bound[i] += size_bound[i];
    levels.add(weight, x.data(), ldx, m, with_bias, wanted, bound);
  }
  std::printf("  spqr %lldx%lld g%lld b%d %d/%d%s, %zu outliers, %.3f bits a weight", (long long)rows, (long long)cols, (long long)test.group_size, test.bits,
              test.scale_bits, test.zero_bits, test.g_idx.empty() ? "" : " act-order", test.values.size(), double(weight->bytes) * 8 / double(rows * cols));
  levels.check();
  qw_weight_free(weight);
}

// The promise of the format: what lies in memory is what the formula counts, and rows' ends.
void check_size(Random& random) {
  const SpqrCase test(64, 512, 16, 3, 3, 3, false, true, 0.01, random);
  const qw_spqr from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_spqr(&from, qw_pool_shared(), &weight));
  const int64_t bits = 64 * 512 * 3 + 64 * 32 * 6 + 4 * 32 * 64 + 32 * int64_t(test.values.size()) + 65 * 32;
  CHECK(int64_t(weight->bytes) * 8 == bits);
  qw_weight_free(weight);
}

void check_saved(const SpqrCase& test, Random& random) {
  const qw_spqr from = test.stored();
  qw_weight *packed = nullptr, *restored = nullptr;
  CHECK_OK(qw_weight_spqr(&from, qw_pool_shared(), &packed));
  Aligned bytes(qw_saved_bytes(packed));
  CHECK_OK(qw_weight_save(packed, append, &bytes));
  CHECK_OK(qw_weight_restore(bytes.data(), bytes.length, &restored));
  CHECK(restored != nullptr && restored->bytes == packed->bytes);
  const std::vector<float> x = random.vector(size_t(20 * test.cols));
  every_level([&](qw_simd) {
    for (const int64_t m : {1, 20}) {
      const Product wanted(packed, x.data(), test.cols, m, nullptr), got(restored, x.data(), test.cols, m, nullptr);
      CHECK(wanted.y == got.y);
    }
  });
  qw_weight_free(restored);
  for (size_t length = 0; length < bytes.length; length += length < 300 ? 1 : 64) CHECK(qw_weight_restore(bytes.data(), length, &restored).code != QW_OK);
  // A place beyond the row would be read outside of x. Values are the last part, places the one before; both end at a multiple of 64.
  if (!test.values.empty()) {
    const size_t padded = (test.values.size() * 2 + 63) / 64 * 64;
    std::memset(bytes.data() + bytes.length - 2 * padded, 255, 2);
    CHECK_FAILS(qw_weight_restore(bytes.data(), bytes.length, &restored), QW_INVALID_ARGUMENT, "its outliers");
  }
  qw_weight_free(packed);
}

void check_nan(Random& random) {
  const SpqrCase test(20, 64, 16, 3, 3, 3, false, false, 0.05, random);
  const qw_spqr from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_spqr(&from, qw_pool_shared(), &weight));
  check_nan_rows(weight, random);
}

void check_refusals(Random& random) {
  SpqrCase test(20, 64, 16, 3, 3, 3, true, false, 0.05, random);
  qw_weight* weight = nullptr;
  const auto refused = [&](const qw_spqr& from, qw_code code, const char* words) {
    CHECK_FAILS(qw_weight_spqr(&from, qw_pool_shared(), &weight), code, words);
    CHECK(weight == nullptr);
  };
  qw_spqr from = test.stored();
  from.bits = 5;
  refused(from, QW_UNSUPPORTED, "codes of 5");
  from = test.stored();
  from.group_size = 65;
  refused(from, QW_INVALID_ARGUMENT, "in groups of 65");
  from = test.stored();
  from.outliers -= 1;
  refused(from, QW_INVALID_ARGUMENT, "count more than");
  from.outliers += 2;
  refused(from, QW_INVALID_ARGUMENT, "outliers, but there are");
  from = test.stored();
  const uint16_t kept = test.narrow_columns[0];
  test.narrow_columns[0] = 64;
  refused(from, QW_INVALID_ARGUMENT, "columns must rise below 64");
  test.narrow_columns[0] = kept;
  test.second[9] = 0x7c00;
  refused(from, QW_INVALID_ARGUMENT, "group 2 is not finite");
  test.second[9] = 0;
  test.g_idx[5] = 4;
  refused(from, QW_INVALID_ARGUMENT, "g_idx[5] = 4");
  test.g_idx[5] = 0;
  test.bytes[7] = 8;
  refused(from, QW_INVALID_ARGUMENT, "does not fit 3 bits");
}

}  // namespace

int main() {
  Random random(18);
  int which = 0;
  for (const auto& [rows, cols, group] : {std::array<int64_t, 3>{64, 128, 16}, {33, 172, 32}, {1, 16, 16}, {50, 33, 33}, {17, 300, 8}, {48, 1100, 128}, {96, 272, 16}}) {
    for (const int bits : {2, 3, 4}) {
      check_shape(SpqrCase(rows, cols, group, bits, 1 + which % 8, 1 + which / 2 % 8, which % 2 == 1, which % 3 != 0, which % 4 == 0 ? 0 : 0.02, random), random);
      ++which;
    }
  }
  check_shape(SpqrCase(32, 256, 16, 3, 3, 3, true, true, 0.01, random), random);
  check_shape(SpqrCase(3, 65600, 32, 2, 3, 3, true, true, 0.001, random), random);  // columns need more than 16 bits
  check_shape(SpqrCase(2, 65700, 65700, 3, 3, 3, false, true, 0.0005, random), random);  // one group, too long for fixed point
  check_size(random);
  check_saved(SpqrCase(40, 200, 16, 3, 3, 3, true, true, 0.02, random), random);
  check_saved(SpqrCase(16, 64, 32, 2, 4, 2, false, false, 0, random), random);
  check_nan(random);
  check_refusals(random);
  return qw_test::finish("linear/spqr");
}
