// spqr outliers, AVX-512: 16 of a row at a time, their x gathered. A gather takes about 20 cycles and a row's sum 10 more: at 1 % outliers and 4096
// columns about 100 cycles a row, against 400 and more of the dense part.
#include <immintrin.h>

#include "linear/spqr/codec.h"

namespace {

template <bool kWide, int kM>
void add_rows(const qw_spqr_weight* weight, const float* x, int64_t ld, float* y, int64_t ldy, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int32_t first = weight->row_begin[row], last = weight->row_begin[row + 1];
    if (first == last) continue;
    __m512 sum_f32x16[kM];
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) sum_f32x16[i] = _mm512_setzero_ps();
    for (int32_t at = first; at < last; at += 16) {
      const __mmask16 mask = last - at >= 16 ? __mmask16(0xffff) : __mmask16((1u << (last - at)) - 1);
      const __m512i place_i32x16 = kWide ? _mm512_maskz_loadu_epi32(mask, static_cast<const uint32_t*>(weight->places) + at)
                                         : _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, static_cast<const uint16_t*>(weight->places) + at));
      const __m512 value_f32x16 = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, weight->values + at));
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) {
        const __m512 x_f32x16 = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, place_i32x16, x + i * ld, 4);
        sum_f32x16[i] = _mm512_fmadd_ps(value_f32x16, x_f32x16, sum_f32x16[i]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) y[i * ldy + row] += _mm512_reduce_add_ps(sum_f32x16[i]);
  }
}

template <bool kWide>
void add_all(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  int i = 0;
  for (; i + 4 <= m; i += 4) add_rows<kWide, 4>(weight, x + i * ld, ld, y + i * ldy, ldy, begin, end);
  for (; i < m; ++i) add_rows<kWide, 1>(weight, x + i * ld, ld, y + i * ldy, ldy, begin, end);
}

}  // namespace

void qw_spqr_add_avx512(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  weight->wide ? add_all<true>(weight, x, ld, m, y, ldy, begin, end) : add_all<false>(weight, x, ld, m, y, ldy, begin, end);
}
