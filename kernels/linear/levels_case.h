// Test support of every linear kernel: all levels against one wanted product, and activations that are not numbers.
#pragma once
#include <cmath>
#include <cstdio>
#include <vector>

#include "linear/linear_case.h"

namespace qw_test {

// The worst error of every level so far.
struct WorstOfLevels {
  double worst[QW_SIMD_LEVELS] = {};

  // wanted [m, rows] and what its errors scale with; x [m, ldx].
  void add(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, const std::vector<double>& wanted,
           const std::vector<double>& bound) {
    every_level([&](qw_simd level) {
      const Product got(weight, x, ldx, m, bias);
      worst[level] = std::max(worst[level], worst_error(got.y.data(), got.ldy, weight->rows, m, wanted, bound));
    });
  }

  // Ends the line that the caller has begun.
  void check() const {
    for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
      if (!qw_simd_available(qw_simd(level))) continue;
      std::printf(" %s %.2g", qw_simd_name(qw_simd(level)), worst[level]);
      CHECK(worst[level] < 1e-6);
    }
    std::printf("\n");
  }
};

// A NaN in x reaches every output of its row and no other. Frees the weight, which has at least 8 columns.
inline void check_nan_rows(qw_weight* weight, Random& random) {
  if (weight == nullptr) return;
  const int64_t rows = weight->rows, cols = weight->cols;
  std::vector<float> x = random.vector(size_t(12 * cols));
  x[size_t(cols + 7)] = NAN;
  every_level([&](qw_simd) {
    for (const int64_t m : {2, 12}) {
      const Product got(weight, x.data(), cols, m, nullptr);
      for (int64_t at = 0; at < m * got.ldy; ++at) {
        if (at % got.ldy < rows) CHECK(std::isnan(got.y[size_t(at)]) == (at / got.ldy == 1));
      }
    }
  });
  qw_weight_free(weight);
}

}  // namespace qw_test
