// tokens.h, NEON: 4 values at a time. vcvtn rounds half to even, as nearbyint does.
#include <arm_neon.h>

#include "linear/float16.h"
#include "linear/int8/tokens/tokens.h"

namespace {

qw_int8_range range(const float* x, int64_t cols) {
  float32x4_t least_f32x4 = vdupq_n_f32(x[0]), most_f32x4 = least_f32x4;
  uint32x4_t magnitude_u32x4 = vdupq_n_u32(0);
  int64_t k = 0;
  for (; k + 4 <= cols; k += 4) {
    const float32x4_t x_f32x4 = vld1q_f32(x + k);
    least_f32x4 = vminq_f32(least_f32x4, x_f32x4);
    most_f32x4 = vmaxq_f32(most_f32x4, x_f32x4);
    magnitude_u32x4 = vmaxq_u32(magnitude_u32x4, vandq_u32(vreinterpretq_u32_f32(x_f32x4), vdupq_n_u32(0x7fffffffu)));
  }
  qw_int8_range found = {vminvq_f32(least_f32x4), vmaxvq_f32(most_f32x4), vmaxvq_u32(magnitude_u32x4)};
  for (; k < cols; ++k) {
    if (x[k] < found.least) found.least = x[k];
    if (x[k] > found.most) found.most = x[k];
    const uint32_t magnitude = qw_float_bits(x[k]) & 0x7fffffffu;
    if (magnitude > found.magnitude) found.magnitude = magnitude;
  }
  return found;
}

template <bool kDivide>
int32_t round_row(const float* x, int64_t cols, const qw_int8_rounding& rounding, int8_t* q) {
  const float32x4_t shift = vdupq_n_f32(rounding.shift), step = vdupq_n_f32(rounding.step);
  const float32x4_t low = vdupq_n_f32(rounding.low), high = vdupq_n_f32(rounding.high);
  const auto rounded_i32x4 = [&](float32x4_t x_f32x4) {
    const float32x4_t value = kDivide ? vdivq_f32(vsubq_f32(x_f32x4, shift), step) : vmulq_f32(x_f32x4, step);
    return vaddq_s32(vcvtnq_s32_f32(vminq_f32(vmaxq_f32(value, low), high)), vdupq_n_s32(rounding.add));
  };
  int32x4_t sum_i32x4 = vdupq_n_s32(0);
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    const int32x4_t low_i32x4 = rounded_i32x4(vld1q_f32(x + k)), high_i32x4 = rounded_i32x4(vld1q_f32(x + k + 4));
    sum_i32x4 = vaddq_s32(sum_i32x4, vaddq_s32(low_i32x4, high_i32x4));
    vst1_s8(q + k, vmovn_s16(vcombine_s16(vmovn_s32(low_i32x4), vmovn_s32(high_i32x4))));
  }
  int32_t sum = vaddvq_s32(sum_i32x4);
  for (; k < cols; ++k) {
    q[k] = int8_t(vgetq_lane_s32(rounded_i32x4(vdupq_n_f32(x[k])), 0));
    sum += q[k];
  }
  return sum;
}

int32_t round(const float* x, int64_t cols, const qw_int8_rounding* rounding, int8_t* q) {
  return rounding->divide ? round_row<true>(x, cols, *rounding, q) : round_row<false>(x, cols, *rounding, q);
}

}  // namespace

const qw_int8_tokens qw_int8_tokens_neon = {range, round};
