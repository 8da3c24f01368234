// Scales and zeros of consecutive weight rows as one vector of f32, whatever type they are kept in. Include only from avx2 and avx512 files.
#pragma once
#include <immintrin.h>

#include "abi/codec.h"

namespace {

#if defined(__AVX512F__)

inline __m512 load_params_f32x16(qw_type type, const void* params, int64_t index) {
  if (type == QW_F32) return _mm512_loadu_ps(static_cast<const float*>(params) + index);
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(params) + index));
  return type == QW_F16 ? _mm512_cvtph_ps(half) : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

#else

inline __m256 load_params_f32x8(qw_type type, const void* params, int64_t index) {
  if (type == QW_F32) return _mm256_loadu_ps(static_cast<const float*>(params) + index);
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const uint16_t*>(params) + index));
  return type == QW_F16 ? _mm256_cvtph_ps(half) : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

#endif

}  // namespace
