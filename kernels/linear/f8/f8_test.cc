// All 256 bytes of both types on every level and route against values computed from the definition, and products against f64.
#include <array>

#include "linear/levels_case.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 15, 33};

// From the definition: (-1)^s 2^(e - bias) 1.m, 2^(1 - bias) 0.m where e is 0.
double defined(qw_f8_type type, int byte) {
  const int mantissa_bits = type == QW_F8_E4M3 ? 3 : 2, bias = type == QW_F8_E4M3 ? 7 : 15;
  const int exponent = (byte & 0x7f) >> mantissa_bits, mantissa = byte & ((1 << mantissa_bits) - 1);
  const double sign = byte & 0x80 ? -1 : 1;
  if (type == QW_F8_E4M3 && (byte & 0x7f) == 0x7f) return NAN;
  if (type == QW_F8_E5M2 && exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

bool same(float got, double wanted) {
  return std::isnan(wanted) ? std::isnan(got) : got == wanted && std::signbit(got) == std::signbit(wanted);
}

// One weight a row: y = 1 * w, through streaming (m = 1) and panels (m = 12), alone in its row and among zeros.
void check_values(qw_f8_type type) {
  for (const int64_t cols : {1, 40}) {
    std::vector<uint8_t> data(size_t(256 * cols) + 1);
    for (int byte = 0; byte < 256; ++byte) data[size_t(1 + byte * cols + cols / 2)] = uint8_t(byte);
    const float one = 1;
    const qw_f8 f8 = {type, 256, cols, data.data() + 1, &one, 256, cols};
    qw_weight* weight = nullptr;
    CHECK_OK(qw_weight_f8(&f8, &weight));
    if (weight == nullptr) return;
    std::vector<float> dequantized(size_t(256 * cols)), x(size_t(12 * cols), 1.0f);
    weight->codec->dequantize(weight, 0, 256, dequantized.data());
    for (int byte = 0; byte < 256; ++byte) CHECK(same(dequantized[size_t(byte * cols + cols / 2)], defined(type, byte)));
    every_level([&](qw_simd) {
      for (const int64_t m : {1, 12}) {
        const Product got(weight, x.data(), cols, m, nullptr);
        for (int64_t i = 0; i < m; ++i) {
          for (int byte = 0; byte < 256; ++byte) {
            const float y = got.y[size_t(i * got.ldy + byte)];
            const double wanted = defined(type, byte);
            CHECK(std::isnan(wanted) ? std::isnan(y) : y == wanted);  // a sum of zeros has no sign
          }
        }
      }
    });
    qw_weight_free(weight);
  }
}

void check_shape(qw_f8_type type, int64_t rows, int64_t cols, int64_t scale_rows, int64_t scale_cols, Random& random) {
  std::vector<uint8_t> data(size_t(rows * cols) + 1);
  for (uint8_t& byte : data) {
    do byte = uint8_t(random.integer(0, 255));
    while (!(std::fabs(defined(type, byte)) < 500));
  }
  const int64_t scales = (cols + scale_cols - 1) / scale_cols;
  std::vector<float> scale(size_t((rows + scale_rows - 1) / scale_rows * scales));
  for (float& value : scale) value = float(random.uniform(0.001, 0.01));
  const qw_f8 f8 = {type, rows, cols, data.data() + 1, scale.data(), scale_rows, scale_cols};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_f8(&f8, &weight));
  if (weight == nullptr) return;
  std::vector<float> wanted_weights(size_t(rows * cols)), dequantized(wanted_weights.size());
  for (int64_t i = 0; i < rows * cols; ++i) {
    const float of_tile = scale[size_t(i / cols / scale_rows * scales + i % cols / scale_cols)];
    wanted_weights[size_t(i)] = float(defined(type, data[size_t(1 + i)])) * of_tile;
  }
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == wanted_weights);
  const int64_t ldx = cols + 3;
  const std::vector<float> x = random.vector(size_t(33 * ldx)), bias = random.vector(size_t(rows));
  WorstOfLevels levels;
  for (int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> bound;
    const std::vector<double> wanted = naive_product(wanted_weights, rows, cols, x.data(), ldx, m, with_bias, &bound);
    levels.add(weight, x.data(), ldx, m, with_bias, wanted, bound);
  }
  std::printf("  f8 %s %lldx%lld scale per %lldx%lld", type == QW_F8_E4M3 ? "e4m3" : "e5m2", (long long)rows, (long long)cols,
              (long long)scale_rows, (long long)scale_cols);
  levels.check();
  qw_weight_free(weight);
}

void check_refusals() {
  const uint8_t data[4] = {};
  const float scale[2] = {1, INFINITY};
  qw_weight* weight = nullptr;
  qw_f8 f8 = {QW_F8_E4M3, 2, 2, data, scale, 1, 2};
  CHECK_FAILS(qw_weight_f8(&f8, &weight), QW_INVALID_ARGUMENT, "scale inf of tile (1, 0) is not finite");
  f8.scale_rows = 0;
  CHECK_FAILS(qw_weight_f8(&f8, &weight), QW_INVALID_ARGUMENT, "a scale for 0 x 2");
  f8 = {QW_F8_E4M3, 0, 2, data, scale, 1, 2};
  CHECK_FAILS(qw_weight_f8(&f8, &weight), QW_INVALID_ARGUMENT, "0 x 2");
  f8 = {qw_f8_type(3), 2, 2, data, scale, 2, 2};
  CHECK_FAILS(qw_weight_f8(&f8, &weight), QW_INVALID_ARGUMENT, "type 3");
  CHECK(weight == nullptr);
}

}  // namespace

int main() {
  Random random(8);
  // Scales per tensor, per row, per 128 x 128, and in tiles that no vector and no row divides.
  const std::array<int64_t, 4> shapes[] = {{33, 172, 33, 172}, {50, 200, 1, 200}, {300, 260, 128, 128}, {1, 1, 1, 1},
                                           {5, 33, 2, 7},      {31, 1100, 16, 24}, {16, 7, 16, 7},      {140, 1152, 128, 128}};
  for (const qw_f8_type type : {QW_F8_E4M3, QW_F8_E5M2}) {
    check_values(type);
    for (const auto& s : shapes) check_shape(type, s[0], s[1], s[2], s[3], random);
  }
  check_refusals();
  return finish("linear/f8");
}
