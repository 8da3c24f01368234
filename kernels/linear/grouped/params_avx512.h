// Scales and zeros of the 16 rows of a tile as one vector of f32, whatever form they are kept in (grouped.h); `params` are those of the
// tile's group. Include only from avx512*.cc files.
#pragma once
#include "linear/grouped/grouped.h"
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

}  // namespace
