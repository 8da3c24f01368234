// What the two AVX-512 kernels of w8a8 share: quantizing a row of activations, and the epilogue. Include only from avx512*.cc files.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

inline __mmask16 first_lanes(int64_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

// The operations of serial.cc, 16 at a time; vcvtps2dq rounds half to even.
inline void quantize(const float* x, int64_t cols, int8_t* q, float* scale, int32_t* sum) {
  __m512i most_u32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(first_lanes(cols - k), x + k));
    most_u32x16 = _mm512_max_epu32(most_u32x16, _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)));
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 127.0f / most;
  uint32_t inverse_bits;
  __builtin_memcpy(&inverse_bits, &inverse, 4);
  *scale = most / 127.0f;
  const bool usable = most_bits < 0x7f800000u && inverse_bits < 0x7f800000u;
  __m512i sum_i32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __mmask16 mask = first_lanes(cols - k);
    __m512i q_i32x16 = _mm512_setzero_si512();
    if (usable) {
      __m512 scaled_f32x16 = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + k), _mm512_set1_ps(inverse));
      scaled_f32x16 = _mm512_min_ps(_mm512_max_ps(scaled_f32x16, _mm512_set1_ps(-128.0f)), _mm512_set1_ps(127.0f));
      q_i32x16 = _mm512_cvtps_epi32(scaled_f32x16);
    }
    sum_i32x16 = _mm512_add_epi32(sum_i32x16, q_i32x16);
    _mm512_mask_cvtepi32_storeu_epi8(q + k, mask, q_i32x16);
  }
  *sum = _mm512_reduce_add_epi32(sum_i32x16);
}

// (acc - r * zero) * (s_x * scale) + bias in f64, for 16 rows of one tile and one row of x.
inline void store_tile(const qw_w8a8_weight* weight, int64_t tile, __m512i acc_u_i32x16, float x_scale, int32_t x_sum, const float* bias,
                       float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS;
  const __mmask16 mask = first_lanes(weight->base.rows - row);
  const __m512i acc_i32x16 = _mm512_sub_epi32(acc_u_i32x16, _mm512_set1_epi32(weight->offset * x_sum));
  const __m512 scale_f32x16 = load_params_f32x16(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS);
  const __m512 zero_f32x16 = load_params_f32x16(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS);
  const __m512 bias_f32x16 = bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, bias + row);
  const __m512d sum_f64x8 = _mm512_set1_pd(double(x_sum)), x_scale_f64x8 = _mm512_set1_pd(double(x_scale));
  const auto finish = [&](__m256i acc, __m256 zero, __m256 scale, __m256 add) {
    const __m512d exact = _mm512_sub_pd(_mm512_cvtepi32_pd(acc), _mm512_mul_pd(sum_f64x8, _mm512_cvtps_pd(zero)));
    const __m512d both = _mm512_mul_pd(x_scale_f64x8, _mm512_cvtps_pd(scale));
    return _mm512_cvtpd_ps(_mm512_add_pd(_mm512_mul_pd(exact, both), _mm512_cvtps_pd(add)));
  };
  const __m256 low_f32x8 = finish(_mm512_castsi512_si256(acc_i32x16), _mm512_castps512_ps256(zero_f32x16),
                                  _mm512_castps512_ps256(scale_f32x16), _mm512_castps512_ps256(bias_f32x16));
  const __m256 high_f32x8 = finish(_mm512_extracti32x8_epi32(acc_i32x16, 1), _mm512_extractf32x8_ps(zero_f32x16, 1),
                                   _mm512_extractf32x8_ps(scale_f32x16, 1), _mm512_extractf32x8_ps(bias_f32x16, 1));
  _mm512_mask_storeu_ps(y + row, mask, _mm512_insertf32x8(_mm512_castps256_ps512(low_f32x8), high_f32x8, 1));
}

}  // namespace
