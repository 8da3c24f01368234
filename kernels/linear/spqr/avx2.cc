// spqr outliers, AVX2: 8 of a row at a time, their x gathered; the last few one by one.
#include <immintrin.h>

#include "linear/spqr/codec.h"

namespace {

template <bool kWide>
inline __m256i load_places(const qw_spqr_weight* weight, int32_t at) {
  if (kWide) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint32_t*>(weight->places) + at));
  return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const uint16_t*>(weight->places) + at)));
}

inline float sum_of(__m256 x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

template <bool kWide>
void add_all(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int32_t first = weight->row_begin[row], last = weight->row_begin[row + 1];
    for (int i = 0; first < last && i < m; ++i) {
      const float* values = x + i * ld;
      __m256 sum_f32x8 = _mm256_setzero_ps();
      int32_t at = first;
      for (; at + 8 <= last; at += 8) {
        const __m256 value_f32x8 = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weight->values + at)));
        sum_f32x8 = _mm256_fmadd_ps(value_f32x8, _mm256_i32gather_ps(values, load_places<kWide>(weight, at), 4), sum_f32x8);
      }
      float sum = sum_of(sum_f32x8);
      for (; at < last; ++at) sum += _cvtsh_ss(weight->values[at]) * values[qw_spqr_place(weight, at)];
      y[i * ldy + row] += sum;
    }
  }
}

}  // namespace

void qw_spqr_add_avx2(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  weight->wide ? add_all<true>(weight, x, ld, m, y, ldy, begin, end) : add_all<false>(weight, x, ld, m, y, ldy, begin, end);
}
