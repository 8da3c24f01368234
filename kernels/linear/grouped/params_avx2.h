// Scales and zeros of 8 rows of a tile (half 0 or 1) as one vector of f32, whatever form they are kept in (grouped.h); `params` are those
// of the tile's group. Include only from avx2.cc files.
#pragma once
#include "linear/grouped/grouped.h"
#include "linear/load_params.h"

namespace {

inline __m256 load_scale_f32x8(const qw_grouped* weight, const uint8_t* params, int half) {
  return load_params_f32x8(weight->scale_type, params, half * 8);
}

inline __m256 load_zero_f32x8(const qw_grouped* weight, const uint8_t* params, int half) {
  if (weight->zero_form == QW_ZERO_SHARED) return _mm256_set1_ps(weight->shared_zero);
  if (weight->zero_form == QW_ZERO_TYPED) return load_params_f32x8(weight->scale_type, params, QW_TILE_ROWS + half * 8);
  const uint8_t* zeros = params + QW_TILE_ROWS * qw_type_bytes(weight->scale_type) + half * 8;
  const __m256i zero_i32x8 = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(zeros)));
  return _mm256_sub_ps(_mm256_cvtepi32_ps(zero_i32x8), _mm256_set1_ps(weight->offset));
}

}  // namespace
