// line.h, AVX-512: 16 weights a vector, the last one masked.
#include <immintrin.h>

#include "solve/bcq/line.h"

namespace {

inline __mmask16 mask_of(int64_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

struct Partials {
  __m512d low_f64x8 = _mm512_setzero_pd(), high_f64x8 = _mm512_setzero_pd();
  void add(__m512 x_f32x16) {
    low_f64x8 = _mm512_add_pd(low_f64x8, _mm512_cvtps_pd(_mm512_castps512_ps256(x_f32x16)));
    high_f64x8 = _mm512_add_pd(high_f64x8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(x_f32x16, 1)));
  }
  double total() const {
    double partial[QW_BCQ_PARTIALS];
    _mm512_storeu_pd(partial, low_f64x8);
    _mm512_storeu_pd(partial + 8, high_f64x8);
    return qw_bcq_join(partial);
  }
};

double magnitude(const float* r, int64_t count) {
  Partials sum;
  for (int64_t k = 0; k < count; k += 16) sum.add(_mm512_abs_ps(_mm512_maskz_loadu_ps(mask_of(count - k), r + k)));
  return sum.total();
}

int peel(float* r, int64_t count, float alpha, int bit, uint8_t* codes) {
  const __m512 alpha_f32x16 = _mm512_set1_ps(alpha);
  const __m128i bit_u8x16 = _mm_set1_epi8(char(1 << bit));
  unsigned zeros = 0;
  for (int64_t k = 0; k < count; k += 16) {
    const __mmask16 mask = mask_of(count - k);
    __m512 value_f32x16 = _mm512_maskz_loadu_ps(mask, r + k);
    const __mmask16 above = _mm512_mask_cmp_ps_mask(mask, value_f32x16, _mm512_setzero_ps(), _CMP_GT_OQ);
    const __mmask16 below = _mm512_mask_cmp_ps_mask(mask, value_f32x16, _mm512_setzero_ps(), _CMP_LT_OQ);
    zeros |= unsigned(mask) & ~(unsigned(above) | unsigned(below));
    value_f32x16 = _mm512_mask_sub_ps(value_f32x16, above, value_f32x16, alpha_f32x16);
    value_f32x16 = _mm512_mask_add_ps(value_f32x16, below, value_f32x16, alpha_f32x16);
    _mm512_mask_storeu_ps(r + k, mask, value_f32x16);
    const __m128i before_u8x16 = _mm_maskz_loadu_epi8(mask, codes + k);
    _mm_mask_storeu_epi8(codes + k, above, _mm_or_si128(before_u8x16, bit_u8x16));
  }
  return zeros != 0;
}

template <int kBits>
void project_bits(const float* w, const uint8_t* codes, int64_t count, double* sums) {
  Partials sum[kBits];
  for (int64_t k = 0; k < count; k += 16) {
    const __mmask16 mask = mask_of(count - k);
    const __m512i value = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, w + k));
    const __m512i code_i32x16 = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, codes + k));
#pragma GCC unroll 4
    for (int i = 0; i < kBits; ++i) {
      const __m512i sign = _mm512_slli_epi32(code_i32x16, unsigned(31 - i));  // of the bit, in the place of a float's
      // value ^ (~sign & 0x80000000)
      sum[i].add(_mm512_castsi512_ps(_mm512_ternarylogic_epi32(value, sign, _mm512_set1_epi32(int(0x80000000u)), 0xd2)));
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kBits; ++i) sums[i] = sum[i].total();
}

void project(const float* w, const uint8_t* codes, int64_t count, int bits, double* sums) {
  if (bits == 1) project_bits<1>(w, codes, count, sums);
  if (bits == 2) project_bits<2>(w, codes, count, sums);
  if (bits == 3) project_bits<3>(w, codes, count, sums);
  if (bits == 4) project_bits<4>(w, codes, count, sums);
}

void assign(const float* w, int64_t count, int bits, const float* middles, const uint8_t* by_rank, uint8_t* codes) {
  const __m512 middles_f32x16 = _mm512_maskz_loadu_ps(__mmask16(0x7fff), middles);
  const __m512i by_rank_i32x16 = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(by_rank)));
  for (int64_t k = 0; k < count; k += 16) {
    const __mmask16 mask = mask_of(count - k);
    const __m512 value_f32x16 = _mm512_maskz_loadu_ps(mask, w + k);
    __m512i rank_i32x16 = _mm512_setzero_si512();
    for (int half = 1 << bits >> 1; half > 0; half >>= 1) {
      const __m512 middle_f32x16 = _mm512_permutexvar_ps(_mm512_add_epi32(rank_i32x16, _mm512_set1_epi32(half - 1)), middles_f32x16);
      const __mmask16 right = _mm512_cmp_ps_mask(value_f32x16, middle_f32x16, _CMP_GE_OQ);
      rank_i32x16 = _mm512_mask_add_epi32(rank_i32x16, right, rank_i32x16, _mm512_set1_epi32(half));
    }
    _mm512_mask_cvtepi32_storeu_epi8(codes + k, mask, _mm512_permutexvar_epi32(rank_i32x16, by_rank_i32x16));
  }
}

}  // namespace

extern const qw_bcq_line qw_bcq_line_avx512 = {magnitude, peel, project, assign};
