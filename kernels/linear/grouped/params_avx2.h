// Scales and zeros of 8 rows of a tile (half 0 or 1) as one vector of f32, whatever form they are kept in (grouped.h); `params` are those
// of the tile's group. Include only from avx2.cc and avxvnni.cc files.
#pragma once
#include "linear/grouped/params.h"
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

// w = ((code - offset) - zero) * scale - minimum
struct GroupParams {
  __m256 scale_f32x8, zero_f32x8, minimum_f32x8;
};

inline __m256 load_bytes_f32x8(const int8_t* bytes) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes))));
}

// step * (level - zero) of 8 rows whose levels lie bit by bit.
inline __m256 load_levels_f32x8(const uint16_t* planes, int bits, int half, float step, float zero) {
  const __m256i lane_i32x8 = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  __m256i level_i32x8 = _mm256_setzero_si256();
  for (int bit = 0; bit < bits; ++bit) {
    const __m256i rows_i32x8 = _mm256_and_si256(_mm256_set1_epi32(planes[bit] >> (8 * half)), lane_i32x8);
    level_i32x8 = _mm256_or_si256(level_i32x8, _mm256_and_si256(_mm256_cmpeq_epi32(rows_i32x8, lane_i32x8), _mm256_set1_epi32(1 << bit)));
  }
  return _mm256_mul_ps(_mm256_set1_ps(step), _mm256_sub_ps(_mm256_cvtepi32_ps(level_i32x8), _mm256_set1_ps(zero)));
}

inline GroupParams load_bilevel(const qw_grouped* weight, int64_t tile, int64_t group, int half) {
  const uint8_t* params = qw_grouped_params(weight, tile, group);
  alignas(16) float second[4];
  _mm_store_ps(second, _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(params))));
  const uint16_t* planes = reinterpret_cast<const uint16_t*>(params) + 4;
  return {load_levels_f32x8(planes, weight->scale_bits, half, second[0], second[1]),
          load_levels_f32x8(planes + weight->scale_bits, weight->zero_bits, half, second[2], second[3]), _mm256_setzero_ps()};
}

// Of rows [8 half, 8 half + 8) of a tile.
inline GroupParams load_group(const qw_grouped* weight, int64_t tile, int64_t group, int half) {
  const __m256 none = _mm256_setzero_ps();
  const qw_param_form form = weight->form;
  if (form == QW_PARAMS_BILEVEL) return load_bilevel(weight, tile, group, half);
  if (!qw_params_have_levels(form)) {
    const uint8_t* params = qw_grouped_params(weight, tile, group);
    const __m256 scale = load_scale_f32x8(weight, params, half), second = load_zero_f32x8(weight, params, half);
    return form == QW_PARAMS_ZERO ? GroupParams{scale, second, none} : GroupParams{scale, none, second};
  }
  const int64_t per_level = qw_level_groups(weight);
  const uint16_t* halves = qw_level_halves(weight, tile, group / per_level);
  const int8_t* own = qw_level_group(weight, halves, group % per_level) + half * 8;
  const __m256 d = load_params_f32x8(QW_F16, halves, half * 8);
  if (form == QW_PARAMS_LEVELS) return {_mm256_mul_ps(d, load_bytes_f32x8(own)), none, none};
  const __m256 e = load_params_f32x8(QW_F16, halves, QW_TILE_ROWS + half * 8);
  if (form == QW_PARAMS_LEVELS_MINIMUM) {
    return {_mm256_mul_ps(d, load_bytes_f32x8(own)), none, _mm256_mul_ps(e, load_bytes_f32x8(own + QW_TILE_ROWS))};
  }
  const __m256i both = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(own)));
  return {_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_and_si256(both, _mm256_set1_epi32(15)))), none,
          _mm256_mul_ps(e, _mm256_cvtepi32_ps(_mm256_srli_epi32(both, 4)))};
}

}  // namespace
