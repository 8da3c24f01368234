// What the two NEON kernels of w8a8 share: quantizing a row of activations, and the epilogue. Include only from neon.cc and neondot.cc.
//
// Codes are unsigned; NEON multiplies signed bytes with signed ones, so the top bit is flipped: codes - 128, and 128 * r is added again.
#pragma once
#include <arm_neon.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

inline uint32_t float_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

// The operations of serial.cc, 8 at a time; vcvtn rounds half to even.
inline int32x4_t round_clamped(float32x4_t x_f32x4, float inverse) {
  return vcvtnq_s32_f32(vminq_f32(vmaxq_f32(vmulq_n_f32(x_f32x4, inverse), vdupq_n_f32(-128.0f)), vdupq_n_f32(127.0f)));
}

inline void quantize(const float* x, int64_t cols, int8_t* q, float* scale, int32_t* sum) {
  uint32x4_t most_u32x4 = vdupq_n_u32(0);
  const uint32x4_t magnitude_u32x4 = vdupq_n_u32(0x7fffffffu);
  int64_t k = 0;
  for (; k + 4 <= cols; k += 4) most_u32x4 = vmaxq_u32(most_u32x4, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + k)), magnitude_u32x4));
  uint32_t most_bits = vmaxvq_u32(most_u32x4);
  for (; k < cols; ++k) {
    const uint32_t bits = float_bits(x[k]) & 0x7fffffffu;
    most_bits = bits > most_bits ? bits : most_bits;
  }
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 127.0f / most;
  *scale = most / 127.0f;
  *sum = 0;
  if (most_bits >= 0x7f800000u || float_bits(inverse) >= 0x7f800000u) {
    __builtin_memset(q, 0, size_t(cols));
    return;
  }
  int32x4_t sum_i32x4 = vdupq_n_s32(0);
  for (k = 0; k + 8 <= cols; k += 8) {
    const int32x4_t low_i32x4 = round_clamped(vld1q_f32(x + k), inverse), high_i32x4 = round_clamped(vld1q_f32(x + k + 4), inverse);
    sum_i32x4 = vaddq_s32(sum_i32x4, vaddq_s32(low_i32x4, high_i32x4));
    vst1_s8(q + k, vmovn_s16(vcombine_s16(vmovn_s32(low_i32x4), vmovn_s32(high_i32x4))));
  }
  *sum = vaddvq_s32(sum_i32x4);
  for (; k < cols; ++k) {
    q[k] = int8_t(vgetq_lane_s32(round_clamped(vdupq_n_f32(x[k]), inverse), 0));
    *sum += q[k];
  }
}

// (acc - r * zero) * (s_x * scale) + bias in f64, for rows 4 quarter .. 4 quarter + 3 of a tile and one row of x.
inline void store_quarter(const qw_w8a8_weight* weight, int64_t tile, int quarter, int32x4_t acc_s_i32x4, float x_scale, int32_t x_sum,
                          const float* bias, float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS + quarter * 4, params = tile * 2 * QW_W8A8_TILE_ROWS + quarter * 4;
  const int64_t left = weight->base.rows - row, valid = left < 0 ? 0 : left < 4 ? left : 4;
  const float32x4_t scale_f32x4 = load_params_f32x4(weight->scale_type, weight->params, params);
  const float32x4_t zero_f32x4 = load_params_f32x4(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS);
  const int32x4_t acc_i32x4 = vaddq_s32(acc_s_i32x4, vdupq_n_s32((128 - weight->offset) * x_sum));
  float out[4], add[4] = {};
  if (bias != nullptr) __builtin_memcpy(add, bias + row, size_t(valid) * sizeof(float));
  const float64x2_t sum_f64x2 = vdupq_n_f64(double(x_sum)), x_scale_f64x2 = vdupq_n_f64(double(x_scale));
  const auto finish = [&](int32x2_t acc, float32x2_t zero, float32x2_t scale, float32x2_t bias_f32x2) {
    const float64x2_t exact = vsubq_f64(vcvtq_f64_s64(vmovl_s32(acc)), vmulq_f64(sum_f64x2, vcvt_f64_f32(zero)));
    const float64x2_t both = vmulq_f64(x_scale_f64x2, vcvt_f64_f32(scale));
    return vcvt_f32_f64(vaddq_f64(vmulq_f64(exact, both), vcvt_f64_f32(bias_f32x2)));
  };
  vst1_f32(out, finish(vget_low_s32(acc_i32x4), vget_low_f32(zero_f32x4), vget_low_f32(scale_f32x4), vld1_f32(add)));
  vst1_f32(out + 2, finish(vget_high_s32(acc_i32x4), vget_high_f32(zero_f32x4), vget_high_f32(scale_f32x4), vld1_f32(add + 2)));
  if (valid > 0) __builtin_memcpy(y + row, out, size_t(valid) * sizeof(float));
}

// 16 codes less 128: 4 columns of 4 rows.
inline int8x16_t load_codes(const uint8_t* codes) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(0x80))); }

// The same 4 activations in every lane, by one load: from a scalar register it would take another instruction and, sooner, a register.
inline int8x16_t broadcast_quad(const int8_t* at) { return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(at))); }

}  // namespace
