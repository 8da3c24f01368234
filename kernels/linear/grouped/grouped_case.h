// Test support of the grouped codecs: every level against the f64 product of the dequantized weight, over shapes that no tile or block divides.
#pragma once
#include <array>

#include "linear/grouped/grouped.h"
#include "linear/linear_case.h"
#include "linear/stored_case.h"

namespace qw_test {

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 14, 15, 33, 64};

// The codes' and the zero's share are rounded apart and may cancel, so errors are relative to sum 2^bits * scale * |x|, not to sum |w x|.
inline void check_affine(const char* codec, const AffineCase& test, Random& random) {
  const AffineShape& shape = test.shape;
  const qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  std::vector<float> dequantized(size_t(shape.rows * shape.cols));
  weight->codec->dequantize(weight, 0, shape.rows, dequantized.data());
  int64_t wrong = 0;
  for (int64_t i = 0; i < shape.rows * shape.cols; ++i) wrong += dequantized[size_t(i)] != test.weight(i / shape.cols, i % shape.cols);
  CHECK(wrong == 0);
  std::vector<float> magnitude(dequantized.size());
  for (size_t i = 0; i < magnitude.size(); ++i) magnitude[i] = test.largest_weight(int64_t(i) / shape.cols, int64_t(i) % shape.cols);
  const int64_t most = 64, ldx = shape.cols + 5;
  const std::vector<float> x = random.vector(size_t(most * ldx)), bias = random.vector(size_t(shape.rows));
  double worst[QW_SIMD_LEVELS] = {}, worst_panel[QW_SIMD_LEVELS] = {};
  for (int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> ignored, bound;
    const std::vector<double> wanted = naive_product(dequantized, shape.rows, shape.cols, x.data(), ldx, m, with_bias, &ignored);
    naive_product(magnitude, shape.rows, shape.cols, x.data(), ldx, m, with_bias, &bound);
    every_level([&](qw_simd level) {
      const Product got(weight, x.data(), ldx, m, with_bias);
      double& error = m > QW_GEMV_MOST_ROWS ? worst_panel[level] : worst[level];
      error = std::max(error, worst_error(got.y.data(), got.ldy, shape.rows, m, wanted, bound));
    });
  }
  std::printf("  %s %-40s", codec, shape.name().c_str());
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    if (!qw_simd_available(qw_simd(level))) continue;
    std::printf(" %s %.2g %.2g", qw_simd_name(qw_simd(level)), worst[level], worst_panel[level]);
    CHECK(worst[level] < 5e-7);
    // 16-bit activations: half a unit of 1/32767 of the chunk's largest |x|, which is about twice its mean here.
    CHECK(worst_panel[level] < 3.2e-5);
  }
  std::printf("\n");
  qw_weight_free(weight);
}

inline void check_shapes(const char* codec, int bits, Random& random) {
  const int64_t shapes[][3] = {{33, 172, 32}, {1, 1, 1},      {16, 200, 64},  {50, 33, 33},   {7, 33, 5},      {48, 256, 128},
                               {384, 384, 384}, {31, 1100, 1100}, {20, 40, 1}, {64, 512, 24}, {17, 1536, 512}};
  int which = 0;
  for (const auto& s : shapes) {
    for (const bool order : {false, true}) {
      const qw_type type = qw_type(which % 3);
      check_affine(codec, AffineCase({s[0], s[1], s[2], bits, which % 2 == 1, order, which % 4 >= 2, type}, random), random);
      ++which;
    }
  }
}

// Zeros in the three forms they are kept in: the product is right, and the size is what the README says. Groups of 16 need no padding.
inline void check_zero_forms(const char* codec, int bits, Random& random) {
  const int64_t rows = 32, cols = 256, group_size = 16;
  for (const bool is_signed : {false, true}) {
    for (int form = 0; form < 4; ++form) {
      AffineCase test({rows, cols, group_size, bits, is_signed, false, form == 2, QW_F16}, random);
      const float shared = form == 3 ? 0.375f : is_signed ? 0.0f : float(1 << (bits - 1));
      if (form == 0 || form == 3) std::fill(test.zero.begin(), test.zero.end(), shared);
      if (form == 1) test.zero[0] = is_signed ? -float(1 << (bits - 1)) : float((1 << bits) - (bits == 8)), test.zero[1] = 3.0f;
      if (form == 2) test.zero[7] = 0.5f;
      check_affine(codec, test, random);
      qw_weight* weight = nullptr;
      const qw_affine affine = test.affine();
      CHECK_OK(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight));
      if (weight == nullptr) continue;
      const int64_t zero_bits = form == 1 ? 8 : form == 2 ? 16 : 0;
      CHECK(int64_t(weight->bytes) * 8 == rows * cols * bits + rows * cols / group_size * (16 + zero_bits));
      qw_weight_free(weight);
    }
  }
}

// Act-order and padded groups take the gathering route, the others the direct one.
inline void check_stored_forms(const char* codec, int most_bits, Random& random) {
  int which = 0;
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    if (bits > most_bits) continue;
    for (const bool is_signed : {false, true}) {
      for (const auto& s : {std::array<int64_t, 3>{70, 256, 32}, {33, 172, 40}, {130, 96, 96}, {7, 33, 5}}) {
        for (const bool order : {false, true}) {
          check_stored(codec, bits, {s[0], s[1], s[2], bits, is_signed, order, which % 2 == 1, qw_type(which % 3)}, random);
          ++which;
        }
      }
    }
  }
  check_stored_refusals(codec, most_bits, random);
}

// A row whose x holds one value 1e4 times the rest, zeros, and a single NaN that must reach every output of its row.
inline void check_extremes_of(const char* codec, int bits, int64_t m, double tolerance, Random& random) {
  const AffineCase test({20, 96, 32, bits, false, false, true, QW_F32}, random);
  const qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  std::vector<float> dequantized(20 * 96), x = random.vector(size_t(m * 96));
  weight->codec->dequantize(weight, 0, 20, dequantized.data());
  x[40] = 1e4f;
  for (int k = 0; k < 96; ++k) x[size_t(96 + k)] = 0;
  for (int k = 0; k < 96; ++k) x[size_t(2 * 96 + k)] *= 1e-30f;
  x[3 * 96 + 50] = NAN;
  std::vector<double> bound;
  const std::vector<double> wanted = naive_product(dequantized, 20, 96, x.data(), 96, 3, nullptr, &bound);
  // The codes' and the zero's share are rounded apart and cancel, so errors scale with 2^bits * scale, not with the weight.
  const double outlier_bound = 1.1e4 * 0.01 * (1 << bits);
  every_level([&](qw_simd) {
    const Product got(weight, x.data(), 96, m, nullptr);
    for (int row = 0; row < 20; ++row) {
      CHECK(std::fabs(got.y[size_t(row)] - wanted[size_t(row)]) < tolerance * outlier_bound);
      CHECK(got.y[size_t(got.ldy + row)] == 0.0f);
      CHECK(std::fabs(got.y[size_t(2 * got.ldy + row)] - wanted[size_t(40 + row)]) < tolerance * 1e-30 * outlier_bound);
      CHECK(std::isnan(got.y[size_t(3 * got.ldy + row)]));
    }
  });
  qw_weight_free(weight);
}

inline void check_extremes(const char* codec, int bits, Random& random) {
  check_extremes_of(codec, bits, 4, 1e-6, random);
  check_extremes_of(codec, bits, 16, 1e-4, random);  // the outlier sets the unit of its chunk
}

inline void check_refusals(const char* codec, int bits, Random& random) {
  AffineCase test({4, 8, 4, bits, false, false, false, QW_F16}, random);
  qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  affine.group_size = 9;
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "group_size 9");
  affine.group_size = 4;
  test.scale[5] = 0.1f;
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "row 2, group 1 is not exact in f16");
  test.scale[5] = 0.125f;
  const int32_t out_of_range[8] = {0, 0, 0, 2, 1, 1, 1, 1};
  affine.g_idx = out_of_range;
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "g_idx[3] = 2");
  affine.g_idx = nullptr;
  if (bits < 8) {
    test.codes[11] = int8_t(1 << bits);
    const std::string place = "code " + std::to_string(1 << bits) + " at row 1, column 3";
    CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, place.c_str());
  }
  CHECK(weight == nullptr);
}

}  // namespace qw_test
