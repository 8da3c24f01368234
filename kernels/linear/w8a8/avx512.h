// What the two AVX-512 kernels of w8a8 share: the epilogue. Include only from avx512*.cc files.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"
#include "linear/w8a8/codec.h"

namespace {

inline __mmask16 first_lanes(int64_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

// What the epilogue reads of 16 rows of weights, in f64: once for all rows of x.
struct TileParams {
  __m512d scale_f64x8[2], zero_f64x8[2], centre_f64x8[2], bias_f64x8[2];
  int64_t row;
  __mmask16 mask;
  bool centred;
  int32_t offset;

  TileParams(const qw_w8a8_weight* weight, int64_t tile, const qw_w8a8_block* x, const float* bias) {
    row = tile * QW_W8A8_TILE_ROWS;
    mask = first_lanes(weight->base.rows - row);
    centred = x->zeros != nullptr;
    offset = weight->offset;
    widen(load_params_f32x16(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS), scale_f64x8);
    widen(load_params_f32x16(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS), zero_f64x8);
    widen(bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, bias + row), bias_f64x8);
    for (int half = 0; half < 2; ++half) centre_f64x8[half] = centred ? _mm512_loadu_pd(weight->centres + row + half * 8) : _mm512_setzero_pd();
  }

  static void widen(__m512 from_f32x16, __m512d (&to_f64x8)[2]) {
    to_f64x8[0] = _mm512_cvtps_pd(_mm512_castps512_ps256(from_f32x16));
    to_f64x8[1] = _mm512_cvtps_pd(_mm512_extractf32x8_ps(from_f32x16, 1));
  }
};

// (acc - r * zero - zero_x * centre) * (s_x * scale) + bias, for row i of x.
inline void store_tile(const TileParams& params, __m512i acc_u_i32x16, const qw_w8a8_block* x, int i, float* y) {
  const __m512i acc_i32x16 = _mm512_sub_epi32(acc_u_i32x16, _mm512_set1_epi32(params.offset * x->sums[i]));
  const __m512d sum_f64x8 = _mm512_set1_pd(double(x->sums[i])), x_scale_f64x8 = _mm512_set1_pd(double(x->scales[i]));
  const auto finish = [&](__m256i acc, int half) {
    __m512d exact = _mm512_sub_pd(_mm512_cvtepi32_pd(acc), _mm512_mul_pd(sum_f64x8, params.zero_f64x8[half]));
    if (params.centred) exact = _mm512_sub_pd(exact, _mm512_mul_pd(_mm512_set1_pd(x->zeros[i]), params.centre_f64x8[half]));
    const __m512d both = _mm512_mul_pd(x_scale_f64x8, params.scale_f64x8[half]);
    return _mm512_cvtpd_ps(_mm512_add_pd(_mm512_mul_pd(exact, both), params.bias_f64x8[half]));
  };
  const __m256 low_f32x8 = finish(_mm512_castsi512_si256(acc_i32x16), 0), high_f32x8 = finish(_mm512_extracti32x8_epi32(acc_i32x16, 1), 1);
  _mm512_mask_storeu_ps(y + params.row, params.mask, _mm512_insertf32x8(_mm512_castps256_ps512(low_f32x8), high_f32x8, 1));
}

}  // namespace
