// What the kernels of w8a8 on 256-bit registers share: the epilogue. Include only from avx2.cc and
// avxvnni.cc.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

// (acc - r * zero - zero_x * centre) * (s_x * scale) + bias in f64, for 8 rows of weights and row i of x.
inline void store_half(const qw_w8a8_weight* weight, int64_t tile, int half, __m256i acc_u_i32x8, const qw_w8a8_block* x, int i,
                       const float* bias, float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS + half * 8, params = tile * 2 * QW_W8A8_TILE_ROWS + half * 8;
  const __m256 scale_f32x8 = load_params_f32x8(weight->scale_type, weight->params, params);
  const __m256 zero_f32x8 = load_params_f32x8(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS);
  const __m256i acc_i32x8 = _mm256_sub_epi32(acc_u_i32x8, _mm256_set1_epi32(weight->offset * x->sums[i]));
  alignas(32) float out[8], add[8] = {};
  const int64_t left = weight->base.rows - row, valid = left < 0 ? 0 : left < 8 ? left : 8;
  if (bias != nullptr) __builtin_memcpy(add, bias + row, size_t(valid) * sizeof(float));
  const __m256d sum_f64x4 = _mm256_set1_pd(double(x->sums[i])), x_scale_f64x4 = _mm256_set1_pd(double(x->scales[i]));
  const __m256d x_zero_f64x4 = _mm256_set1_pd(x->zeros == nullptr ? 0.0 : x->zeros[i]);
  const double* centres = x->zeros == nullptr ? nullptr : weight->centres + row;
  const auto finish = [&](__m128i acc, __m128 zero, __m128 scale, const float* at, int from) {
    __m256d exact = _mm256_sub_pd(_mm256_cvtepi32_pd(acc), _mm256_mul_pd(sum_f64x4, _mm256_cvtps_pd(zero)));
    if (centres != nullptr) exact = _mm256_sub_pd(exact, _mm256_mul_pd(x_zero_f64x4, _mm256_loadu_pd(centres + from)));
    const __m256d both = _mm256_mul_pd(x_scale_f64x4, _mm256_cvtps_pd(scale));
    return _mm256_cvtpd_ps(_mm256_add_pd(_mm256_mul_pd(exact, both), _mm256_cvtps_pd(_mm_load_ps(at))));
  };
  _mm_store_ps(out, finish(_mm256_castsi256_si128(acc_i32x8), _mm256_castps256_ps128(zero_f32x8),
                           _mm256_castps256_ps128(scale_f32x8), add, 0));
  _mm_store_ps(out + 4, finish(_mm256_extracti128_si256(acc_i32x8, 1), _mm256_extractf128_ps(zero_f32x8, 1),
                               _mm256_extractf128_ps(scale_f32x8, 1), add + 4, 4));
  if (valid > 0) __builtin_memcpy(y + row, out, size_t(valid) * sizeof(float));
}

}  // namespace
