// Scales and zeros of consecutive weight rows as one vector of f32, whatever type they are kept in. Include only from files of an
// instruction set.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#include "abi/codec.h"

namespace {

#if defined(__aarch64__)

inline float32x4_t load_params_f32x4(qw_type type, const void* params, int64_t index) {
  if (type == QW_F32) return vld1q_f32(static_cast<const float*>(params) + index);
  const uint16x4_t half = vld1_u16(static_cast<const uint16_t*>(params) + index);
  return type == QW_F16 ? vcvt_f32_f16(vreinterpret_f16_u16(half)) : vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(half), 16));
}

#elif defined(__AVX512F__)

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
