// Every level against the f64 product of weights computed here from stored codes, shifts and scales, over shapes that no tile or block divides.
#include "linear/qrazor/qrazor_case.h"

#include "linear/qrazor/codec.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 14, 15, 33, 64};

qw_weight* packed(const QrazorCase& test) {
  const qw_qrazor_stored from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_qrazor(&from, qw_pool_shared(), &weight));
  return weight;
}

void check_case(const QrazorCase& test, Random& random) {
  const int64_t rows = test.rows, cols = test.cols;
  qw_weight* weight = packed(test);
  if (weight == nullptr) return;
  std::vector<float> wanted_weights, magnitude, dequantized(size_t(rows * cols));
  for (int64_t i = 0; i < rows * cols; ++i) {
    wanted_weights.push_back(test.weight(i / cols, i % cols));
    magnitude.push_back(test.largest(i / cols, i % cols));
  }
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == wanted_weights);
  const int64_t ldx = cols + 3;
  const std::vector<float> x = random.vector(size_t(64 * ldx)), bias = random.vector(size_t(rows));
  double worst[QW_SIMD_LEVELS] = {}, worst_panel[QW_SIMD_LEVELS] = {};
  for (int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> ignored, bound;
    const std::vector<double> wanted = naive_product(wanted_weights, rows, cols, x.data(), ldx, m, with_bias, &ignored);
    naive_product(magnitude, rows, cols, x.data(), ldx, m, with_bias, &bound);
    every_level([&](qw_simd level) {
      const Product got(weight, x.data(), ldx, m, with_bias);
      double& error = m > QW_GEMV_MOST_ROWS ? worst_panel[level] : worst[level];
      error = std::max(error, worst_error(got.y.data(), got.ldy, rows, m, wanted, bound));
    });
  }
  std::printf("  qrazor %-44s %.3f bits", test.name().c_str(), double(weight->bytes) * 8 / double(rows * cols));
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    if (!qw_simd_available(qw_simd(level))) continue;
    std::printf(" %s %.2g %.2g", qw_simd_name(qw_simd(level)), worst[level], worst_panel[level]);
    CHECK(worst[level] < 5e-7);
    // 16-bit activations: half a unit of 1/32767 of the chunk's largest |x|, and shifts differ in a chunk: the largest weights' errors count.
    // x is rounded in steps of its largest value: in a row of few columns that one may meet the smallest weight.
    const double few = std::fmax(1.0, 12.0 / double(test.cols));
    CHECK(worst_panel[level] < (test.base_bits == 8 ? 6e-5 * few : 1e-6));
  }
  std::printf("\n");
  qw_weight_free(weight);
}

// Whole tiles: bits and a share of a shift, scales, and 8 bytes.
void check_size(Random& random) {
  for (const int base_bits : {8, 16}) {
    for (const bool outputs : {false, true}) {
      const QrazorCase test(64, 256, 16, 4, base_bits, outputs, random);
      qw_weight* weight = packed(test);
      CHECK(weight->bytes == 64 * 256 / 2 + 64 * 256 / 16 * size_t(base_bits == 8 ? 3 : 4) / 8 + 64 * 4 + 8);
      qw_weight_free(weight);
    }
  }
}

// A NaN in x reaches every output of its row and no other; zeros give zeros; tiny values lose nothing.
void check_extremes(bool outputs, Random& random) {
  const QrazorCase test(20, 96, 32, 4, 8, outputs, random);
  qw_weight* weight = packed(test);
  for (const int64_t m : {4, 16}) {
    std::vector<float> x = random.vector(size_t(m * 96));
    for (int k = 0; k < 96; ++k) x[size_t(k)] = 0, x[size_t(96 + k)] *= 1e-30f;
    x[2 * 96 + 50] = NAN;
    std::vector<float> w(20 * 96);
    weight->codec->dequantize(weight, 0, 20, w.data());
    std::vector<double> bound;
    const std::vector<double> wanted = naive_product(w, 20, 96, x.data(), 96, 2, nullptr, &bound);
    every_level([&](qw_simd) {
      const Product got(weight, x.data(), 96, m, nullptr);
      for (int row = 0; row < 20; ++row) {
        CHECK(got.y[size_t(row)] == 0);
        CHECK(std::fabs(double(got.y[size_t(got.ldy + row)]) - wanted[size_t(20 + row)]) < 1e-3 * bound[size_t(20 + row)]);
        CHECK(std::isnan(got.y[size_t(2 * got.ldy + row)]) && std::isfinite(got.y[size_t(3 * got.ldy + row)]));
      }
    });
  }
  qw_weight_free(weight);
}

void check_refusals(Random& random) {
  QrazorCase test(4, 96, 16, 4, 8, false, random);
  qw_weight* weight = nullptr;
  const auto refused = [&](auto change) {
    qw_qrazor_stored from = test.stored();
    change(from);
    return qw_weight_qrazor(&from, qw_pool_shared(), &weight);
  };
  CHECK_FAILS(refused([](qw_qrazor_stored& from) { from.bits = 5; }), QW_UNSUPPORTED, "5 of 8 bits");
  CHECK_FAILS(refused([](qw_qrazor_stored& from) { from.group_size = 24; }), QW_UNSUPPORTED, "groups of 24 along inputs");
  CHECK_FAILS(refused([](qw_qrazor_stored& from) { from.group_size = 64; }), QW_UNSUPPORTED, "where they divide the columns");
  CHECK_FAILS(refused([](qw_qrazor_stored& from) { from.codes.is_signed = 0; }), QW_INVALID_ARGUMENT, "its codes are signed");
  CHECK_FAILS(refused([](qw_qrazor_stored& from) { from.rows = 0; }), QW_INVALID_ARGUMENT, "0 x 96");
  test.shifts[9] = 6;
  CHECK_FAILS(refused([](qw_qrazor_stored&) {}), QW_INVALID_ARGUMENT, "shift 6 of group 9; 4 of 8 bits are shifted by 5 at most");
  test.shifts[9] = 0;
  test.codes[100] = 8;
  CHECK_FAILS(refused([](qw_qrazor_stored&) {}), QW_INVALID_ARGUMENT, "code 8 at row 1, column 4 does not fit signed 4 bits");
  test.codes[100] = 0;
  test.scale[2] = INFINITY;
  CHECK_FAILS(refused([](qw_qrazor_stored&) {}), QW_INVALID_ARGUMENT, "scale inf of row 2");
  CHECK(weight == nullptr);
}

}  // namespace

int main() {
  Random random(55);
  for (const int bits : {3, 4, 8}) {
    for (const int base_bits : {8, 16}) {
      for (const int64_t group : {8, 16, 32, 64, 128}) {
        check_case(QrazorCase(random.integer(1, 70), group * random.integer(1, 9), group, bits, base_bits, false, random), random);
        check_case(QrazorCase(random.integer(1, 150), random.integer(1, 300), group, bits, base_bits, true, random), random);
      }
    }
  }
  check_case(QrazorCase(48, 1104, 16, 4, 8, false, random), random);
  check_case(QrazorCase(33, 776, 8, 3, 8, false, random), random);
  check_size(random);
  check_extremes(false, random);
  check_extremes(true, random);
  check_refusals(random);
  return finish("linear/qrazor");
}
