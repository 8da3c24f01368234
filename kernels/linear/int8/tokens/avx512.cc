// tokens.h, AVX-512: 16 values at a time. vcvtps2dq rounds half to even, as nearbyint does.
#include <immintrin.h>

#include "linear/int8/tokens/tokens.h"

namespace {

inline __mmask16 first_lanes(int64_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

qw_int8_range range(const float* x, int64_t cols) {
  const __m512 first_f32x16 = _mm512_set1_ps(x[0]);
  __m512 least_f32x16 = first_f32x16, most_f32x16 = first_f32x16;
  __m512i magnitude_u32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __m512 x_f32x16 = _mm512_mask_loadu_ps(first_f32x16, first_lanes(cols - k), x + k);
    least_f32x16 = _mm512_min_ps(least_f32x16, x_f32x16);
    most_f32x16 = _mm512_max_ps(most_f32x16, x_f32x16);
    const __m512i bits = _mm512_and_si512(_mm512_castps_si512(x_f32x16), _mm512_set1_epi32(0x7fffffff));
    magnitude_u32x16 = _mm512_max_epu32(magnitude_u32x16, bits);
  }
  return {_mm512_reduce_min_ps(least_f32x16), _mm512_reduce_max_ps(most_f32x16), uint32_t(_mm512_reduce_max_epu32(magnitude_u32x16))};
}

template <bool kDivide>
int32_t round_row(const float* x, int64_t cols, const qw_int8_rounding& rounding, int8_t* q) {
  const __m512 shift = _mm512_set1_ps(rounding.shift), step = _mm512_set1_ps(rounding.step);
  const __m512 low = _mm512_set1_ps(rounding.low), high = _mm512_set1_ps(rounding.high);
  const __m512i added = _mm512_set1_epi32(rounding.add);
  __m512i sum_i32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __mmask16 mask = first_lanes(cols - k);
    const __m512 x_f32x16 = _mm512_maskz_loadu_ps(mask, x + k);
    const __m512 value = kDivide ? _mm512_div_ps(_mm512_sub_ps(x_f32x16, shift), step) : _mm512_mul_ps(x_f32x16, step);
    const __m512i q_i32x16 = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(value, low), high)), added);
    sum_i32x16 = _mm512_mask_add_epi32(sum_i32x16, mask, sum_i32x16, q_i32x16);
    _mm512_mask_cvtepi32_storeu_epi8(q + k, mask, q_i32x16);
  }
  return _mm512_reduce_add_epi32(sum_i32x16);
}

int32_t round(const float* x, int64_t cols, const qw_int8_rounding* rounding, int8_t* q) {
  return rounding->divide ? round_row<true>(x, cols, *rounding, q) : round_row<false>(x, cols, *rounding, q);
}

}  // namespace

const qw_int8_tokens qw_int8_tokens_avx512 = {range, round};
