// tokens.h, AVX2: 8 values at a time. cvtps2dq rounds half to even, as nearbyint does.
#include <immintrin.h>

#include "linear/int8/tokens/tokens.h"

namespace {

// The first `count` of 8 lanes.
inline __m256i lanes(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

qw_int8_range range(const float* x, int64_t cols) {
  __m256 least_f32x8 = _mm256_set1_ps(x[0]), most_f32x8 = least_f32x8;
  __m256i magnitude_u32x8 = _mm256_setzero_si256();
  const auto add = [&](__m256 x_f32x8) {
    least_f32x8 = _mm256_min_ps(least_f32x8, x_f32x8);
    most_f32x8 = _mm256_max_ps(most_f32x8, x_f32x8);
    const __m256i bits = _mm256_and_si256(_mm256_castps_si256(x_f32x8), _mm256_set1_epi32(0x7fffffff));
    magnitude_u32x8 = _mm256_max_epu32(magnitude_u32x8, bits);
  };
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) add(_mm256_loadu_ps(x + k));
  if (k < cols) {
    const __m256i mask = lanes(cols - k);
    add(_mm256_blendv_ps(_mm256_set1_ps(x[0]), _mm256_maskload_ps(x + k, mask), _mm256_castsi256_ps(mask)));
  }
  alignas(32) float least[8], most[8];
  alignas(32) uint32_t magnitude[8];
  _mm256_store_ps(least, least_f32x8);
  _mm256_store_ps(most, most_f32x8);
  _mm256_store_si256(reinterpret_cast<__m256i*>(magnitude), magnitude_u32x8);
  qw_int8_range found = {least[0], most[0], magnitude[0]};
  for (int lane = 1; lane < 8; ++lane) {
    found.least = least[lane] < found.least ? least[lane] : found.least;
    found.most = most[lane] > found.most ? most[lane] : found.most;
    found.magnitude = magnitude[lane] > found.magnitude ? magnitude[lane] : found.magnitude;
  }
  return found;
}

template <bool kDivide>
int32_t round_row(const float* x, int64_t cols, const qw_int8_rounding& rounding, int8_t* q) {
  const __m256 shift = _mm256_set1_ps(rounding.shift), step = _mm256_set1_ps(rounding.step);
  const __m256 low = _mm256_set1_ps(rounding.low), high = _mm256_set1_ps(rounding.high);
  const __m256i added = _mm256_set1_epi32(rounding.add);
  const auto rounded_i32x8 = [&](__m256 x_f32x8) {
    const __m256 value = kDivide ? _mm256_div_ps(_mm256_sub_ps(x_f32x8, shift), step) : _mm256_mul_ps(x_f32x8, step);
    return _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(value, low), high)), added);
  };
  const auto bytes = [](__m256i q_i32x8) {
    const __m128i q_i16x8 = _mm_packs_epi32(_mm256_castsi256_si128(q_i32x8), _mm256_extracti128_si256(q_i32x8, 1));
    return _mm_packs_epi16(q_i16x8, q_i16x8);
  };
  __m256i sum_i32x8 = _mm256_setzero_si256();
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    const __m256i q_i32x8 = rounded_i32x8(_mm256_loadu_ps(x + k));
    sum_i32x8 = _mm256_add_epi32(sum_i32x8, q_i32x8);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(q + k), bytes(q_i32x8));
  }
  if (k < cols) {
    const __m256i mask = lanes(cols - k);
    const __m256i q_i32x8 = _mm256_and_si256(rounded_i32x8(_mm256_maskload_ps(x + k, mask)), mask);
    sum_i32x8 = _mm256_add_epi32(sum_i32x8, q_i32x8);
    alignas(16) int8_t last[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(last), bytes(q_i32x8));
    __builtin_memcpy(q + k, last, size_t(cols - k));
  }
  alignas(32) int32_t sums[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum_i32x8);
  int32_t sum = 0;
  for (const int32_t lane : sums) sum += lane;
  return sum;
}

int32_t round(const float* x, int64_t cols, const qw_int8_rounding* rounding, int8_t* q) {
  return rounding->divide ? round_row<true>(x, cols, *rounding, q) : round_row<false>(x, cols, *rounding, q);
}

}  // namespace

const qw_int8_tokens qw_int8_tokens_avx2 = {range, round};
