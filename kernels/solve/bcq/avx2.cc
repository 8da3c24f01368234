// line.h, AVX2: 8 weights a vector in pairs, so that partial sums are those of 16 lanes. Ranks are counted: every middle is compared.
#include <immintrin.h>

#include "solve/bcq/line.h"

namespace {

inline __m256i mask_of(int64_t count) {
  static const int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window + 8 - (count >= 8 ? 8 : count <= 0 ? 0 : count)));
}

inline __m256 load(const float* from, int64_t count) { return _mm256_maskload_ps(from, mask_of(count)); }

inline __m256i load_codes(const uint8_t* codes, int64_t count) {
  uint8_t eight[8] = {};
  if (count > 0) __builtin_memcpy(eight, codes, size_t(count >= 8 ? 8 : count));
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(eight)));
}

struct Partials {
  __m256d four_f64x4[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  void add(int half, __m256 x_f32x8) {
    four_f64x4[half * 2] = _mm256_add_pd(four_f64x4[half * 2], _mm256_cvtps_pd(_mm256_castps256_ps128(x_f32x8)));
    four_f64x4[half * 2 + 1] = _mm256_add_pd(four_f64x4[half * 2 + 1], _mm256_cvtps_pd(_mm256_extractf128_ps(x_f32x8, 1)));
  }
  double total() const {
    double partial[QW_BCQ_PARTIALS];
    for (int i = 0; i < 4; ++i) _mm256_storeu_pd(partial + 4 * i, four_f64x4[i]);
    return qw_bcq_join(partial);
  }
};

double magnitude(const float* r, int64_t count) {
  Partials sum;
  const __m256 positive = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  for (int64_t k = 0; k < count; k += 16) {
    for (int half = 0; half < 2; ++half) sum.add(half, _mm256_and_ps(load(r + k + half * 8, count - k - half * 8), positive));
  }
  return sum.total();
}

int peel(float* r, int64_t count, float alpha, int bit, uint8_t* codes) {
  const __m256 alpha_f32x8 = _mm256_set1_ps(alpha);
  int zeros = 0;
  for (int64_t k = 0; k < count; k += 8) {
    const int64_t valid = count - k >= 8 ? 8 : count - k;
    const __m256 value_f32x8 = load(r + k, valid);
    const __m256 above = _mm256_cmp_ps(value_f32x8, _mm256_setzero_ps(), _CMP_GT_OQ);
    const __m256 below = _mm256_cmp_ps(value_f32x8, _mm256_setzero_ps(), _CMP_LT_OQ);
    const int above_bits = _mm256_movemask_ps(above), seen = above_bits | _mm256_movemask_ps(below);
    zeros |= ((1 << valid) - 1) & ~seen;
    const __m256 less_f32x8 = _mm256_sub_ps(value_f32x8, alpha_f32x8), more_f32x8 = _mm256_add_ps(value_f32x8, alpha_f32x8);
    const __m256 moved_f32x8 = _mm256_blendv_ps(_mm256_blendv_ps(value_f32x8, more_f32x8, below), less_f32x8, above);
    _mm256_maskstore_ps(r + k, mask_of(valid), moved_f32x8);
    for (int64_t lane = 0; lane < valid; ++lane) codes[k + lane] = uint8_t(codes[k + lane] | (above_bits >> lane & 1) << bit);
  }
  return zeros != 0;
}

template <int kBits>
void project_bits(const float* w, const uint8_t* codes, int64_t count, double* sums) {
  Partials sum[kBits];
  const __m256 sign_bit = _mm256_set1_ps(-0.0f);
  for (int64_t k = 0; k < count; k += 16) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int64_t at = k + half * 8;
      const __m256 value_f32x8 = load(w + at, count - at);
      const __m256i code_i32x8 = load_codes(codes + at, count - at);
#pragma GCC unroll 4
      for (int i = 0; i < kBits; ++i) {
        const __m256 sign = _mm256_castsi256_ps(_mm256_slli_epi32(code_i32x8, 31 - i));
        sum[i].add(half, _mm256_xor_ps(value_f32x8, _mm256_andnot_ps(sign, sign_bit)));
      }
    }
  }
  for (int i = 0; i < kBits; ++i) sums[i] = sum[i].total();
}

void project(const float* w, const uint8_t* codes, int64_t count, int bits, double* sums) {
  if (bits == 1) project_bits<1>(w, codes, count, sums);
  if (bits == 2) project_bits<2>(w, codes, count, sums);
  if (bits == 3) project_bits<3>(w, codes, count, sums);
  if (bits == 4) project_bits<4>(w, codes, count, sums);
}

void assign(const float* w, int64_t count, int bits, const float* middles, const uint8_t* by_rank, uint8_t* codes) {
  const int most = (1 << bits) - 1;
  const __m128i by_rank_u8x16 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(by_rank));
  const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1,
                                             -1, -1, -1, -1, -1);
  for (int64_t k = 0; k < count; k += 8) {
    const __m256 value_f32x8 = load(w + k, count - k);
    __m256i rank_i32x8 = _mm256_setzero_si256();
    for (int j = 0; j < most; ++j) {
      const __m256 right = _mm256_cmp_ps(value_f32x8, _mm256_set1_ps(middles[j]), _CMP_GE_OQ);
      rank_i32x8 = _mm256_sub_epi32(rank_i32x8, _mm256_castps_si256(right));
    }
    const __m256i packed = _mm256_shuffle_epi8(rank_i32x8, low_bytes);
    const __m128i rank_u8x8 = _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
    uint8_t eight[8];
    _mm_storel_epi64(reinterpret_cast<__m128i*>(eight), _mm_shuffle_epi8(by_rank_u8x16, rank_u8x8));
    __builtin_memcpy(codes + k, eight, size_t(count - k >= 8 ? 8 : count - k));
  }
}

}  // namespace

extern const qw_bcq_line qw_bcq_line_avx2 = {magnitude, peel, project, assign};
