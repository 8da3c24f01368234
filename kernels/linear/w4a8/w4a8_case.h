// Test support of the int8 codecs by groups: all levels alike, weights that were saved, and rows that are not finite.
#pragma once
#include <cmath>
#include <cstring>

#include "linear/int8/activations_case.h"
#include "linear/int8/weight.h"
#include "linear/linear_case.h"
#include "linear/saved_case.h"

namespace qw_test {

// All levels have the bits of the first one (serial).
inline std::vector<float> same_on_every_level(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias,
                                              int64_t* differing) {
  std::vector<float> first;
  every_level([&](qw_simd level) {
    const Product got(weight, x, ldx, m, bias);
    if (first.empty()) first = got.y;
    const bool same = std::memcmp(first.data(), got.y.data(), got.y.size() * sizeof(float)) == 0;
    if (!same && *differing < 3) std::printf("  %s differs from serial with %lld rows\n", qw_simd_name(level), (long long)m);
    *differing += !same;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t pad = got.rows; pad < got.ldy; ++pad) *differing += got.y[size_t(i * got.ldy + pad)] != 12345.0f;
    }
  });
  return first;
}

// A weight that was saved computes the same, and one whose form was changed is refused.
inline void check_saved(qw_weight* packed, Random& random) {
  Aligned bytes(qw_saved_bytes(packed));
  CHECK_OK(qw_weight_save(packed, append, &bytes));
  qw_weight* restored = nullptr;
  CHECK_OK(qw_weight_restore(bytes.data(), bytes.length, &restored));
  if (restored == nullptr) return;
  CHECK(restored->bytes == packed->bytes && restored->codec == packed->codec);
  const std::vector<float> x = random.vector(size_t(13 * packed->cols));
  const Product wanted(packed, x.data(), packed->cols, 13, nullptr), got(restored, x.data(), packed->cols, 13, nullptr);
  CHECK(std::memcmp(wanted.y.data(), got.y.data(), got.y.size() * sizeof(float)) == 0);
  qw_weight_free(restored);
  restored = nullptr;
  for (size_t length = 0; length < bytes.length; length += length < 300 ? 50 : 64) {
    CHECK(qw_weight_restore(bytes.data(), length, &restored).code != QW_OK);
  }
  qw_weight_free(packed);
}

// NaN and infinity in two of three rows of x reach all of y in them, and nothing else. Frees the weight, which has 64 columns.
inline void check_not_finite(qw_weight* weight, Random& random) {
  if (weight == nullptr) return;
  std::vector<float> x = random.vector(3 * 64);
  x[7] = NAN;
  x[64 + 39] = INFINITY;
  every_level([&](qw_simd) {
    const Product got(weight, x.data(), 64, 3, nullptr);
    for (int64_t row = 0; row < weight->rows; ++row) {
      CHECK(std::isnan(got.y[size_t(row)]) && std::isnan(got.y[size_t(got.ldy + row)]));
      CHECK(std::isfinite(got.y[size_t(2 * got.ldy + row)]));
    }
  });
  qw_weight_free(weight);
}

}  // namespace qw_test
