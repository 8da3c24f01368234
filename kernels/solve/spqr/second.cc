#include "solve/spqr/second.h"

#include <algorithm>
#include <cmath>

#include "linear/float16.h"

namespace {

constexpr float kLeastStep = 1e-9f;
// The largest zero that is kept in 16 bits; values that lie closer together than 1/32768 of themselves get a wider step.
constexpr float kMostZero = 32768.0f;

// Rounded steps move the zero: it is fitted to the step that is stored.
qw::SpqrSecond rounded(float low, float high, float top, bool symmetric, qw_type type) {
  float step = qw_round_to_type(type, (high - low) / top);
  if (type != QW_F32) {
    if (std::fabs(low) > kMostZero * step) step = qw_round_to_type(type, std::fabs(low) / kMostZero * 1.01f);
    if (step == 0.0f) step = type == QW_F16 ? 0x1p-24f : 0x1p-126f;
  }
  return {step, symmetric ? (top + 1.0f) / 2.0f : qw_round_to_type(type, -low / step)};
}

}  // namespace

qw::SpqrSecond qw::spqr_second_level(float* values, int count, int bits, bool symmetric, qw_type type, uint8_t* codes) {
  const float top = float((1 << bits) - 1);
  float low = *std::min_element(values, values + count), high = *std::max_element(values, values + count);
  if (symmetric) {
    high = std::max(std::fabs(low), high);
    if (low < 0.0f) low = -high;
  }
  if (low == high) low = -1.0f, high = 1.0f;
  const SpqrSecond second = rounded(low, high, top, symmetric, type);
  for (int i = 0; i < count; ++i) {
    const float code = std::min(std::max(std::nearbyint(values[i] / std::max(second.step, kLeastStep) + second.zero), 0.0f), top);
    codes[i] = uint8_t(code);
    values[i] = second.step * (code - second.zero);
  }
  return second;
}
