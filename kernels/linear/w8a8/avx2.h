// What the kernels of w8a8 on 256-bit registers share: quantizing a row of activations, and the epilogue. Include only from avx2.cc and
// avxvnni.cc.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

inline uint32_t float_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

// cvtps_epi32 rounds half to even, as nearbyint does.
inline int round_clamped(float scaled) {
  const __m128 clamped = _mm_min_ss(_mm_max_ss(_mm_set_ss(scaled), _mm_set_ss(-128.0f)), _mm_set_ss(127.0f));
  return _mm_cvtss_si32(clamped);
}

inline void quantize(const float* x, int64_t cols, int8_t* q, float* scale, int32_t* sum) {
  __m256i most_u32x8 = _mm256_setzero_si256();
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + k));
    most_u32x8 = _mm256_max_epu32(most_u32x8, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most_u32x8);
  uint32_t most_bits = 0;
  for (uint32_t lane : lanes) most_bits = lane > most_bits ? lane : most_bits;
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
  __m256i sum_i32x8 = _mm256_setzero_si256();
  for (k = 0; k + 8 <= cols; k += 8) {
    __m256 scaled_f32x8 = _mm256_mul_ps(_mm256_loadu_ps(x + k), _mm256_set1_ps(inverse));
    scaled_f32x8 = _mm256_min_ps(_mm256_max_ps(scaled_f32x8, _mm256_set1_ps(-128.0f)), _mm256_set1_ps(127.0f));
    const __m256i q_i32x8 = _mm256_cvtps_epi32(scaled_f32x8);
    sum_i32x8 = _mm256_add_epi32(sum_i32x8, q_i32x8);
    const __m128i q_i16x8 = _mm_packs_epi32(_mm256_castsi256_si128(q_i32x8), _mm256_extracti128_si256(q_i32x8, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(q + k), _mm_packs_epi16(q_i16x8, q_i16x8));
  }
  alignas(32) int32_t sums[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum_i32x8);
  for (int32_t lane : sums) *sum += lane;
  for (; k < cols; ++k) {
    q[k] = int8_t(round_clamped(x[k] * inverse));
    *sum += q[k];
  }
}

// (acc - r * zero) * (s_x * scale) + bias in f64, for 8 rows.
inline void store_half(const qw_w8a8_weight* weight, int64_t tile, int half, __m256i acc_u_i32x8, float x_scale, int32_t x_sum,
                       const float* bias, float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS + half * 8, params = tile * 2 * QW_W8A8_TILE_ROWS + half * 8;
  const __m256 scale_f32x8 = load_params_f32x8(weight->scale_type, weight->params, params);
  const __m256 zero_f32x8 = load_params_f32x8(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS);
  const __m256i acc_i32x8 = _mm256_sub_epi32(acc_u_i32x8, _mm256_set1_epi32(weight->offset * x_sum));
  alignas(32) float out[8], add[8] = {};
  const int64_t left = weight->base.rows - row, valid = left < 0 ? 0 : left < 8 ? left : 8;
  if (bias != nullptr) __builtin_memcpy(add, bias + row, size_t(valid) * sizeof(float));
  const __m256d sum_f64x4 = _mm256_set1_pd(double(x_sum)), x_scale_f64x4 = _mm256_set1_pd(double(x_scale));
  const auto finish = [&](__m128i acc, __m128 zero, __m128 scale, const float* at) {
    const __m256d exact = _mm256_sub_pd(_mm256_cvtepi32_pd(acc), _mm256_mul_pd(sum_f64x4, _mm256_cvtps_pd(zero)));
    const __m256d both = _mm256_mul_pd(x_scale_f64x4, _mm256_cvtps_pd(scale));
    return _mm256_cvtpd_ps(_mm256_add_pd(_mm256_mul_pd(exact, both), _mm256_cvtps_pd(_mm_load_ps(at))));
  };
  _mm_store_ps(out, finish(_mm256_castsi256_si128(acc_i32x8), _mm256_castps256_ps128(zero_f32x8),
                           _mm256_castps256_ps128(scale_f32x8), add));
  _mm_store_ps(out + 4, finish(_mm256_extracti128_si256(acc_i32x8, 1), _mm256_extractf128_ps(zero_f32x8, 1),
                               _mm256_extractf128_ps(scale_f32x8, 1), add + 4));
  if (valid > 0) __builtin_memcpy(y + row, out, size_t(valid) * sizeof(float));
}

}  // namespace
