// What outliers are measured with: the scale of the relative threshold, and its search.
#pragma once
#include <cmath>

#include "abi/codec.h"
#include "abi/pool.h"

namespace qw {

// mean over columns of var(W[:, j], unbiased) / U_jj^2; columns without input count as 0. `order` and `diagonal` [cols] are those of the factor.
double spqr_outlier_scale(const qw_dense& source, const int32_t* order, const uint8_t* dead, const float* diagonal, qw_pool* pool);

constexpr double kSpqrLeastThreshold = 1e-7, kSpqrMostThreshold = 1e5;

// The relative threshold whose rate of outliers comes to `wanted`, from below: at most a fiftieth less where the rate reaches it. rate(threshold) falls.
template <typename Rate>
double spqr_search_threshold(double wanted, const Rate& rate) {
  double many = kSpqrLeastThreshold, few = kSpqrMostThreshold, candidate = 0.2;  // rates above and below wanted
  for (int step = 0; step < 24; ++step) {
    const double found = rate(candidate);
    if (found > wanted) {
      many = candidate;
    } else {
      few = candidate;
      if (found >= 0.98 * wanted) break;
    }
    if (few / many < 1.001) break;
    // Eightfold steps until both sides are known, then halves of the logarithm.
    if (few == kSpqrMostThreshold) candidate = std::fmin(candidate * 8, std::sqrt(many * few));
    else if (many == kSpqrLeastThreshold) candidate = std::fmax(candidate / 8, std::sqrt(many * few));
    else candidate = std::sqrt(many * few);
  }
  return few;
}

}  // namespace qw
