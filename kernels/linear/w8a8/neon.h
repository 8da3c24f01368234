// What the two NEON kernels of w8a8 share: the epilogue. Include only from neon.cc and neondot.cc.
//
// Codes are unsigned; NEON multiplies signed bytes with signed ones, so the top bit is flipped: codes - 128, and 128 * r is added again.
#pragma once
#include <arm_neon.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

// (acc - r * zero - zero_x * centre) * (s_x * scale) + bias in f64, for rows 4 quarter .. 4 quarter + 3 of a tile and row i of x.
inline void store_quarter(const qw_w8a8_weight* weight, int64_t tile, int quarter, int32x4_t acc_s_i32x4, const qw_w8a8_block* x, int i,
                          const float* bias, float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS + quarter * 4, params = tile * 2 * QW_W8A8_TILE_ROWS + quarter * 4;
  const int64_t left = weight->base.rows - row, valid = left < 0 ? 0 : left < 4 ? left : 4;
  const float32x4_t scale_f32x4 = load_params_f32x4(weight->scale_type, weight->params, params);
  const float32x4_t zero_f32x4 = load_params_f32x4(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS);
  const int32x4_t acc_i32x4 = vaddq_s32(acc_s_i32x4, vdupq_n_s32((128 - weight->offset) * x->sums[i]));
  float out[4], add[4] = {};
  if (bias != nullptr) __builtin_memcpy(add, bias + row, size_t(valid) * sizeof(float));
  const float64x2_t sum_f64x2 = vdupq_n_f64(double(x->sums[i])), x_scale_f64x2 = vdupq_n_f64(double(x->scales[i]));
  const float64x2_t x_zero_f64x2 = vdupq_n_f64(x->zeros == nullptr ? 0.0 : x->zeros[i]);
  const double* centres = x->zeros == nullptr ? nullptr : weight->centres + row;
  const auto finish = [&](int32x2_t acc, float32x2_t zero, float32x2_t scale, float32x2_t bias_f32x2, int from) {
    float64x2_t exact = vsubq_f64(vcvtq_f64_s64(vmovl_s32(acc)), vmulq_f64(sum_f64x2, vcvt_f64_f32(zero)));
    if (centres != nullptr) exact = vsubq_f64(exact, vmulq_f64(x_zero_f64x2, vld1q_f64(centres + from)));
    const float64x2_t both = vmulq_f64(x_scale_f64x2, vcvt_f64_f32(scale));
    return vcvt_f32_f64(vaddq_f64(vmulq_f64(exact, both), vcvt_f64_f32(bias_f32x2)));
  };
  vst1_f32(out, finish(vget_low_s32(acc_i32x4), vget_low_f32(zero_f32x4), vget_low_f32(scale_f32x4), vld1_f32(add), 0));
  vst1_f32(out + 2, finish(vget_high_s32(acc_i32x4), vget_high_f32(zero_f32x4), vget_high_f32(scale_f32x4), vld1_f32(add + 2), 2));
  if (valid > 0) __builtin_memcpy(y + row, out, size_t(valid) * sizeof(float));
}

// 16 codes less 128: 4 columns of 4 rows.
inline int8x16_t load_codes(const uint8_t* codes) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(0x80))); }

// The same 4 activations in every lane, by one load: from a scalar register it would take another instruction and, sooner, a register.
inline int8x16_t broadcast_quad(const int8_t* at) { return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(at))); }

}  // namespace
