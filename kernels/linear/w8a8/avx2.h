// What the kernels of w8a8 on 256-bit registers share: the epilogue. Include only from avx2.cc and
// avxvnni.cc.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

// What the epilogue reads of 8 rows of weights, in f64: once for all rows of x.
struct HalfParams {
  __m256d scale_f64x4[2], zero_f64x4[2], centre_f64x4[2], bias_f64x4[2];
  int64_t row, valid;
  bool centred;
  int32_t offset;

  HalfParams(const qw_w8a8_weight* weight, int64_t tile, int half, const qw_w8a8_block* x, const float* bias) {
    const int64_t params = tile * 2 * QW_W8A8_TILE_ROWS + half * 8;
    row = tile * QW_W8A8_TILE_ROWS + half * 8;
    const int64_t left = weight->base.rows - row;
    valid = left < 0 ? 0 : left < 8 ? left : 8;
    centred = x->zeros != nullptr;
    offset = weight->offset;
    alignas(32) float add[8] = {};
    if (bias != nullptr) __builtin_memcpy(add, bias + row, size_t(valid) * sizeof(float));
    widen(load_params_f32x8(weight->scale_type, weight->params, params), scale_f64x4);
    widen(load_params_f32x8(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS), zero_f64x4);
    widen(_mm256_load_ps(add), bias_f64x4);
    for (int part = 0; part < 2; ++part) centre_f64x4[part] = centred ? _mm256_loadu_pd(weight->centres + row + part * 4) : _mm256_setzero_pd();
  }

  static void widen(__m256 from_f32x8, __m256d (&to_f64x4)[2]) {
    to_f64x4[0] = _mm256_cvtps_pd(_mm256_castps256_ps128(from_f32x8));
    to_f64x4[1] = _mm256_cvtps_pd(_mm256_extractf128_ps(from_f32x8, 1));
  }
};

// (acc - r * zero - zero_x * centre) * (s_x * scale) + bias, for row i of x.
inline void store_half(const HalfParams& params, __m256i acc_u_i32x8, const qw_w8a8_block* x, int i, float* y) {
  const __m256i acc_i32x8 = _mm256_sub_epi32(acc_u_i32x8, _mm256_set1_epi32(params.offset * x->sums[i]));
  const __m256d sum_f64x4 = _mm256_set1_pd(double(x->sums[i])), x_scale_f64x4 = _mm256_set1_pd(double(x->scales[i]));
  const auto finish = [&](__m128i acc, int part) {
    __m256d exact = _mm256_sub_pd(_mm256_cvtepi32_pd(acc), _mm256_mul_pd(sum_f64x4, params.zero_f64x4[part]));
    if (params.centred) exact = _mm256_sub_pd(exact, _mm256_mul_pd(_mm256_set1_pd(x->zeros[i]), params.centre_f64x4[part]));
    const __m256d both = _mm256_mul_pd(x_scale_f64x4, params.scale_f64x4[part]);
    return _mm256_cvtpd_ps(_mm256_add_pd(_mm256_mul_pd(exact, both), params.bias_f64x4[part]));
  };
  const __m128 low_f32x4 = finish(_mm256_castsi256_si128(acc_i32x8), 0), high_f32x4 = finish(_mm256_extracti128_si256(acc_i32x8, 1), 1);
  if (params.valid == 8) {
    _mm_storeu_ps(y + params.row, low_f32x4);
    _mm_storeu_ps(y + params.row + 4, high_f32x4);
  } else if (params.valid > 0) {
    alignas(16) float out[8];
    _mm_store_ps(out, low_f32x4);
    _mm_store_ps(out + 4, high_f32x4);
    __builtin_memcpy(y + params.row, out, size_t(params.valid) * sizeof(float));
  }
}

}  // namespace
