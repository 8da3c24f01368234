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

// Of the 16 rows of a tile.
inline GroupParams load_group(const qw_grouped* weight, int64_t tile, int64_t group) {
  const __m512 none = _mm512_setzero_ps();
  const qw_param_form form = weight->form;
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
