// Scales and zeros of the 16 rows of a tile as one vector of f32, whatever form they are kept in (grouped.h); `params` are those of the
// tile's group. Include only from avx512*.cc files.
#pragma once
#include "linear/grouped/params.h"
#include "linear/load_params.h"

namespace {

inline __m512 load_scale_f32x16(const qw_grouped* weight, const uint8_t* params) {
  return load_params_f32x16(weight->scale_type, params, 0);
}

inline __m512 load_zero_f32x16(const qw_grouped* weight, const uint8_t* params) {
  if (weight->zero_form == QW_ZERO_SHARED) return _mm512_set1_ps(weight->shared_zero);
  if (weight->zero_form == QW_ZERO_TYPED) return load_params_f32x16(weight->scale_type, params, QW_TILE_ROWS);
  const uint8_t* zeros = params + QW_TILE_ROWS * qw_type_bytes(weight->scale_type);
  const __m512i zero_i32x16 = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(zeros)));
  return _mm512_sub_ps(_mm512_cvtepi32_ps(zero_i32x16), _mm512_set1_ps(weight->offset));
}

// w = ((code - offset) - zero) * scale - minimum
struct GroupParams {
  __m512 scale_f32x16, zero_f32x16, minimum_f32x16;
};

inline __m512 load_bytes_f32x16(const int8_t* bytes) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
}

// step * (level - zero) of 16 rows whose levels lie bit by bit.
inline __m512 load_levels_f32x16(const uint16_t* planes, int bits, __m512 step_f32x16, __m512 zero_f32x16) {
  __m512i level_i32x16 = _mm512_setzero_si512(), power_i32x16 = _mm512_set1_epi32(1);
  for (int bit = 0; bit < bits; ++bit, power_i32x16 = _mm512_add_epi32(power_i32x16, power_i32x16)) {
    level_i32x16 = _mm512_mask_or_epi32(level_i32x16, planes[bit], level_i32x16, power_i32x16);
  }
  return _mm512_mul_ps(step_f32x16, _mm512_sub_ps(_mm512_cvtepi32_ps(level_i32x16), zero_f32x16));
}

inline GroupParams load_bilevel(const qw_grouped* weight, int64_t tile, int64_t group) {
  const uint8_t* params = qw_grouped_params(weight, tile, group);
  const __m128 second_f32x4 = _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(params)));
  const __m512 all_f32x16 = _mm512_broadcast_f32x4(second_f32x4);
  const uint16_t* planes = reinterpret_cast<const uint16_t*>(params) + 4;
  const __m512 scale_f32x16 = load_levels_f32x16(planes, weight->scale_bits, _mm512_permute_ps(all_f32x16, 0x00), _mm512_permute_ps(all_f32x16, 0x55));
  const __m512 zero_f32x16 =
      load_levels_f32x16(planes + weight->scale_bits, weight->zero_bits, _mm512_permute_ps(all_f32x16, 0xaa), _mm512_permute_ps(all_f32x16, 0xff));
  return {scale_f32x16, zero_f32x16, _mm512_setzero_ps()};
}

// Of the 16 rows of a tile.
inline GroupParams load_group(const qw_grouped* weight, int64_t tile, int64_t group) {
  const __m512 none = _mm512_setzero_ps();
  const qw_param_form form = weight->form;
  if (form == QW_PARAMS_BILEVEL) return load_bilevel(weight, tile, group);
  if (!qw_params_have_levels(form)) {
    const uint8_t* params = qw_grouped_params(weight, tile, group);
    const __m512 scale = load_scale_f32x16(weight, params), second = load_zero_f32x16(weight, params);
    return form == QW_PARAMS_ZERO ? GroupParams{scale, second, none} : GroupParams{scale, none, second};
  }
  const int64_t per_level = qw_level_groups(weight);
  const uint16_t* halves = qw_level_halves(weight, tile, group / per_level);
  const int8_t* own = qw_level_group(weight, halves, group % per_level);
  const __m512 d = load_params_f32x16(QW_F16, halves, 0);
  if (form == QW_PARAMS_LEVELS) return {_mm512_mul_ps(d, load_bytes_f32x16(own)), none, none};
  const __m512 e = load_params_f32x16(QW_F16, halves, QW_TILE_ROWS);
  if (form == QW_PARAMS_LEVELS_MINIMUM) {
    return {_mm512_mul_ps(d, load_bytes_f32x16(own)), none, _mm512_mul_ps(e, load_bytes_f32x16(own + QW_TILE_ROWS))};
  }
  const __m512i both = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(own)));
  return {_mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_and_si512(both, _mm512_set1_epi32(15)))), none,
          _mm512_mul_ps(e, _mm512_cvtepi32_ps(_mm512_srli_epi32(both, 4)))};
}

}  // namespace
