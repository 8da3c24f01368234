#include "kv/kvquant/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

qw::KvCodebook::KvCodebook(const float* entries, int bits) : count_(1 << bits) {
  uint8_t order[16];
  for (int i = 0; i < count_; ++i) order[i] = uint8_t(i);
  std::stable_sort(order, order + count_, [=](uint8_t a, uint8_t b) { return entries[a] < entries[b]; });
  int kept = 0;
  for (int i = 0; i < count_; ++i) {
    if (kept > 0 && entries[order[i]] == values_[kept - 1]) continue;
    values_[kept] = entries[order[i]];
    codes_[kept++] = order[i];
  }
  count_ = kept;
}

uint8_t qw::KvCodebook::nearest(float x) const {
  int above = 0;  // entries below x
  for (int i = 0; i < count_; ++i) above += values_[i] < x ? 1 : 0;
  if (above == 0) return codes_[0];
  if (above == count_) return codes_[count_ - 1];
  const float to_lower = std::fabs(x - values_[above - 1]), to_upper = std::fabs(x - values_[above]);
  if (to_lower == to_upper) return std::min(codes_[above - 1], codes_[above]);
  return to_lower < to_upper ? codes_[above - 1] : codes_[above];
}

namespace {

// torch.quantile, linear: between the two values of the sorted row that the rank lies between; in f32 throughout.
float quantile(const float* sorted, int64_t count, float q) {
  const float rank = q * float(count - 1);
  const int64_t below = std::min(int64_t(rank), count - 1), above = std::min(below + 1, count - 1);
  const float weight = rank - float(below), step = sorted[above] - sorted[below];
  return weight < 0.5f ? sorted[below] + weight * step : sorted[above] - step * (1.0f - weight);
}

}  // namespace

qw::KvTokenScale qw::kv_token_scale(const float* x, int64_t count, float sparsity, float* sorted) {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  if (sparsity >= 1.0f) {
    const auto [low, high] = std::minmax_element(x, x + count);
    return {none, none, (*high + *low) / 2, (*high - *low) / 2, 0};
  }
  std::copy(x, x + count, sorted);
  std::sort(sorted, sorted + count);
  const double t = 1.0 - (1.0 - double(sparsity)) / 2.0;
  const float upper = quantile(sorted, count, float(t)), lower = quantile(sorted, count, float(1.0 - t));
  const float median = sorted[(count - 1) / 2];
  float low = median, high = median;
  int32_t outliers = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (x[i] <= lower || x[i] >= upper) {
      ++outliers;
    } else {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
  }
  return {lower, upper, (high + low) / 2, (high - low) / 2, outliers};
}
