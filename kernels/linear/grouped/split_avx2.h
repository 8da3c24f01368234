// Activations as fixed-point digits (fixed_point.h) on 256-bit registers. Include only from avx2.cc and avxvnni.cc files.
#pragma once
#include <immintrin.h>

#include "linear/grouped/fixed_point.h"
#include "linear/grouped/grouped.h"

namespace {

// Groups are whole blocks, so whole quads; of an odd number of quads the last vector is half.
inline __m256 load_quads(const float* values, int64_t left) {
  return left >= 8 ? _mm256_loadu_ps(values) : _mm256_insertf128_ps(_mm256_setzero_ps(), _mm_loadu_ps(values), 0);
}

// digits: [quad of 4 columns][row of x][h, m, l], 4 bytes each, at this row; stride in 4-byte digits from quad to quad.
inline void split_group(const float* values, int64_t begin, int64_t end, int32_t* digits, int64_t stride, float* unit, float* sum) {
  __m256i most_u32x8 = _mm256_setzero_si256();
  for (int64_t k = begin; k < end; k += 8) {
    const __m256i bits = _mm256_castps_si256(load_quads(values + k, end - k));
    most_u32x8 = _mm256_max_epu32(most_u32x8, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most_u32x8);
  uint32_t most_bits = 0;
  for (uint32_t lane : lanes) most_bits = lane > most_bits ? lane : most_bits;
  const bool finite = most_bits < 0x7f800000u;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float scale = !finite || most_bits == 0 ? 0.0f : qw_fixed_point_scale(most);
  const __m256i low_bytes = _mm256_set1_epi32(0x0c080400);  // byte 0 of each lane of a half, to its lowest lane
  __m256d sum_f64x4 = _mm256_setzero_pd();                  // exact: integers below 2^39
  for (int64_t k = begin; k < end; k += 8) {
    __m256i fixed_i32x8 = _mm256_setzero_si256();
    if (finite) fixed_i32x8 = _mm256_cvtps_epi32(_mm256_mul_ps(load_quads(values + k, end - k), _mm256_set1_ps(scale)));
    sum_f64x4 = _mm256_add_pd(sum_f64x4, _mm256_add_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(fixed_i32x8)),
                                                       _mm256_cvtepi32_pd(_mm256_extracti128_si256(fixed_i32x8, 1))));
    for (int digit = 2; digit >= 0; --digit) {  // lowest first: its sign is carried into the next
      const __m256i quads = _mm256_shuffle_epi8(fixed_i32x8, low_bytes);
      digits[k / 4 * stride + digit] = _mm256_extract_epi32(quads, 0);
      if (end - k > 4) digits[(k / 4 + 1) * stride + digit] = _mm256_extract_epi32(quads, 4);
      const __m256i signed_i32x8 = _mm256_srai_epi32(_mm256_slli_epi32(fixed_i32x8, 24), 24);
      fixed_i32x8 = _mm256_srai_epi32(_mm256_sub_epi32(fixed_i32x8, signed_i32x8), 8);
    }
  }
  alignas(32) double sums[4];
  _mm256_store_pd(sums, sum_f64x4);
  *unit = !finite ? __builtin_nanf("") : most_bits == 0 ? 0.0f : 1.0f / scale;
  *sum = float((sums[0] + sums[1] + sums[2] + sums[3]) * double(*unit));
}

inline void split_digits(const qw_grouped* weight, const qw_grouped_x* x, int m) {
  for (int i = 0; i < m; ++i) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      const int64_t at = i * weight->groups + group;
      split_group(x->values + i * x->ld, weight->group_begin[group] * weight->step, weight->group_begin[group + 1] * weight->step,
                  x->digits + i * 3, 3 * m, x->units + at, x->sums + at);
    }
  }
}

}  // namespace
