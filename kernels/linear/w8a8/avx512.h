// What the two AVX-512 kernels of w8a8 share: the epilogue. Include only from avx512*.cc files.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

inline __mmask16 first_lanes(int64_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

// (acc - r * zero - zero_x * centre) * (s_x * scale) + bias in f64, for 16 rows of one tile and row i of x.
inline void store_tile(const qw_w8a8_weight* weight, int64_t tile, __m512i acc_u_i32x16, const qw_w8a8_block* x, int i, const float* bias,
                       float* y) {
  const int64_t row = tile * QW_W8A8_TILE_ROWS;
  const __mmask16 mask = first_lanes(weight->base.rows - row);
  const __m512i acc_i32x16 = _mm512_sub_epi32(acc_u_i32x16, _mm512_set1_epi32(weight->offset * x->sums[i]));
  const __m512 scale_f32x16 = load_params_f32x16(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS);
  const __m512 zero_f32x16 = load_params_f32x16(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS);
  const __m512 bias_f32x16 = bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, bias + row);
  const __m512d sum_f64x8 = _mm512_set1_pd(double(x->sums[i])), x_scale_f64x8 = _mm512_set1_pd(double(x->scales[i]));
  const __m512d x_zero_f64x8 = _mm512_set1_pd(x->zeros == nullptr ? 0.0 : x->zeros[i]);
  const double* centres = x->zeros == nullptr ? nullptr : weight->centres + row;
  const auto finish = [&](__m256i acc, __m256 zero, __m256 scale, __m256 add, int from) {
    __m512d exact = _mm512_sub_pd(_mm512_cvtepi32_pd(acc), _mm512_mul_pd(sum_f64x8, _mm512_cvtps_pd(zero)));
    if (centres != nullptr) exact = _mm512_sub_pd(exact, _mm512_mul_pd(x_zero_f64x8, _mm512_loadu_pd(centres + from)));
    const __m512d both = _mm512_mul_pd(x_scale_f64x8, _mm512_cvtps_pd(scale));
    return _mm512_cvtpd_ps(_mm512_add_pd(_mm512_mul_pd(exact, both), _mm512_cvtps_pd(add)));
  };
  const __m256 low_f32x8 = finish(_mm512_castsi512_si256(acc_i32x16), _mm512_castps512_ps256(zero_f32x16),
                                  _mm512_castps512_ps256(scale_f32x16), _mm512_castps512_ps256(bias_f32x16), 0);
  const __m256 high_f32x8 = finish(_mm512_extracti32x8_epi32(acc_i32x16, 1), _mm512_extractf32x8_ps(zero_f32x16, 1),
                                   _mm512_extractf32x8_ps(scale_f32x16, 1), _mm512_extractf32x8_ps(bias_f32x16, 1), 8);
  _mm512_mask_storeu_ps(y + row, mask, _mm512_insertf32x8(_mm512_castps256_ps512(low_f32x8), high_f32x8, 1));
}

}  // namespace
