// The specification of tokens.h.
#include <cmath>

#include "linear/float16.h"
#include "linear/int8/tokens/tokens.h"

namespace {

qw_int8_range range(const float* x, int64_t cols) {
  qw_int8_range found = {x[0], x[0], 0};
  for (int64_t k = 0; k < cols; ++k) {
    if (x[k] < found.least) found.least = x[k];
    if (x[k] > found.most) found.most = x[k];
    const uint32_t magnitude = qw_float_bits(x[k]) & 0x7fffffffu;  // |x| orders as its bits do; NaN is above infinity
    if (magnitude > found.magnitude) found.magnitude = magnitude;
  }
  return found;
}

int32_t round(const float* x, int64_t cols, const qw_int8_rounding* rounding, int8_t* q) {
  int32_t sum = 0;
  for (int64_t k = 0; k < cols; ++k) {
    const float value = rounding->divide ? (x[k] - rounding->shift) / rounding->step : x[k] * rounding->step;
    const float clamped = value < rounding->low ? rounding->low : value > rounding->high ? rounding->high : value;
    q[k] = int8_t(int(std::nearbyint(clamped)) + rounding->add);
    sum += q[k];
  }
  return sum;
}

}  // namespace

const qw_int8_tokens qw_int8_tokens_serial = {range, round};
