// Scales and zeros of 4 rows of a tile (quarter 0 to 3) as one vector of f32, whatever form they are kept in (grouped.h); `params` are those
// of the tile's group. Include only from neon.cc and neondot.cc files.
#pragma once
#include "linear/grouped/params.h"
#include "linear/load_params.h"

namespace {

inline float32x4_t load_scale_f32x4(const qw_grouped* weight, const uint8_t* params, int quarter) {
  return load_params_f32x4(weight->scale_type, params, quarter * 4);
}

inline float32x4_t load_zero_f32x4(const qw_grouped* weight, const uint8_t* params, int quarter) {
  if (weight->zero_form == QW_ZERO_SHARED) return vdupq_n_f32(weight->shared_zero);
  if (weight->zero_form == QW_ZERO_TYPED) return load_params_f32x4(weight->scale_type, params, QW_TILE_ROWS + quarter * 4);
  uint32_t four;
  __builtin_memcpy(&four, params + QW_TILE_ROWS * qw_type_bytes(weight->scale_type) + quarter * 4, 4);
  const uint16x8_t zero_u16x8 = vmovl_u8(vcreate_u8(four));
  return vsubq_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(zero_u16x8))), vdupq_n_f32(weight->offset));
}

// w = ((code - offset) - zero) * scale - minimum
struct GroupParams {
  float32x4_t scale_f32x4, zero_f32x4, minimum_f32x4;
};

inline float32x4_t load_bytes_f32x4(const int8_t* bytes) {
  uint32_t four;
  __builtin_memcpy(&four, bytes, 4);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
}

// step * (level - zero) of 4 rows whose levels lie bit by bit.
inline float32x4_t load_levels_f32x4(const uint16_t* planes, int bits, int quarter, float step, float zero) {
  const uint32x4_t lane_u32x4 = {1, 2, 4, 8};
  uint32x4_t level_u32x4 = vdupq_n_u32(0);
  for (int bit = 0; bit < bits; ++bit) {
    const uint32x4_t rows_u32x4 = vtstq_u32(vdupq_n_u32(uint32_t(planes[bit]) >> (4 * quarter)), lane_u32x4);
    level_u32x4 = vorrq_u32(level_u32x4, vandq_u32(rows_u32x4, vdupq_n_u32(1u << bit)));
  }
  return vmulq_f32(vdupq_n_f32(step), vsubq_f32(vcvtq_f32_u32(level_u32x4), vdupq_n_f32(zero)));
}

inline GroupParams load_bilevel(const qw_grouped* weight, int64_t tile, int64_t group, int quarter) {
  const uint16_t* halves = reinterpret_cast<const uint16_t*>(qw_grouped_params(weight, tile, group));
  float second[4];
  vst1q_f32(second, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves))));
  return {load_levels_f32x4(halves + 4, weight->scale_bits, quarter, second[0], second[1]),
          load_levels_f32x4(halves + 4 + weight->scale_bits, weight->zero_bits, quarter, second[2], second[3]), vdupq_n_f32(0)};
}

// Of rows [4 quarter, 4 quarter + 4) of a tile.
inline GroupParams load_group(const qw_grouped* weight, int64_t tile, int64_t group, int quarter) {
  const float32x4_t none = vdupq_n_f32(0);
  const qw_param_form form = weight->form;
  if (form == QW_PARAMS_BILEVEL) return load_bilevel(weight, tile, group, quarter);
  if (!qw_params_have_levels(form)) {
    const uint8_t* params = qw_grouped_params(weight, tile, group);
    const float32x4_t scale = load_scale_f32x4(weight, params, quarter), second = load_zero_f32x4(weight, params, quarter);
    return form == QW_PARAMS_ZERO ? GroupParams{scale, second, none} : GroupParams{scale, none, second};
  }
  const int64_t per_level = qw_level_groups(weight);
  const uint16_t* halves = qw_level_halves(weight, tile, group / per_level);
  const int8_t* own = qw_level_group(weight, halves, group % per_level) + quarter * 4;
  const float32x4_t d = load_params_f32x4(QW_F16, halves, quarter * 4);
  if (form == QW_PARAMS_LEVELS) return {vmulq_f32(d, load_bytes_f32x4(own)), none, none};
  const float32x4_t e = load_params_f32x4(QW_F16, halves, QW_TILE_ROWS + quarter * 4);
  if (form == QW_PARAMS_LEVELS_MINIMUM) {
    return {vmulq_f32(d, load_bytes_f32x4(own)), none, vmulq_f32(e, load_bytes_f32x4(own + QW_TILE_ROWS))};
  }
  uint32_t four;
  __builtin_memcpy(&four, own, 4);
  const uint32x4_t both = vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four))));
  return {vmulq_f32(d, vcvtq_f32_u32(vandq_u32(both, vdupq_n_u32(15)))), none, vmulq_f32(e, vcvtq_f32_u32(vshrq_n_u32(both, 4)))};
}

}  // namespace
