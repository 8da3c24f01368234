// AVX2 streaming kernels of the grouped codecs of up to 6 bits on fixed-point activations (fixed_point.h): pmaddubsw multiplies 32 codes
// with a digit. Include only from avx2.cc files.
//
// Two products of at most 63 * 128 stay far from saturation; its sums add up in 16 bits for as many quads as cannot overflow and are then
// widened. Cost a half quad of 32 codes and row of x: 3 pmaddubsw and 3 adds, 1.5 (q4) to 5 (q3, q6) instructions of unpacking, and 6 to
// widen every 40 (q2), 16 (q3), 8 (q4), 4 (q5) or 2 (q6) quads. For q4 that is about 12 cycles for 64 bytes; f32 arithmetic takes 23.
#pragma once
#include "linear/grouped/avx2.h"
#include "linear/grouped/split_avx2.h"

namespace {

// sum[digit] += codes (8 rows x 4 columns) * digits of those columns.
inline void multiply_quad(__m256i (&sum_i16x16)[3], __m256i codes_u8x32, const int32_t* digits) {
#pragma GCC unroll 3
  for (int digit = 0; digit < 3; ++digit) {
    sum_i16x16[digit] = _mm256_add_epi16(sum_i16x16[digit], _mm256_maddubs_epi16(codes_u8x32, _mm256_set1_epi32(digits[digit])));
  }
}

// Adds the 16-bit sums to the 32-bit ones and clears them.
inline void widen_sums(__m256i (&sum_i32x8)[3], __m256i (&sum_i16x16)[3]) {
#pragma GCC unroll 3
  for (int digit = 0; digit < 3; ++digit) {
    sum_i32x8[digit] = _mm256_add_epi32(sum_i32x8[digit], _mm256_madd_epi16(sum_i16x16[digit], _mm256_set1_epi16(1)));
    sum_i16x16[digit] = _mm256_setzero_si256();
  }
}

// sum_i32x8 += blocks [begin, end) of half a tile * digits.
template <int kBits>
inline void multiply_blocks(__m256i (&sum_i32x8)[3], const uint8_t* codes, int half, int64_t begin, int64_t end, const int32_t* digits,
                            int64_t stride) {
  constexpr int kQuads = Quads<kBits>::kCount;
  constexpr int kQuadsPerSum = 32767 / (2 * 128 * ((1 << kBits) - 1));  // that cannot overflow 16 bits
  static_assert(kQuadsPerSum >= 2, "codes of up to 6 bits");
  constexpr int64_t kBlocksPerSum = kQuadsPerSum < kQuads ? 1 : kQuadsPerSum / kQuads;
  __m256i sum_i16x16[3] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  digits += begin * kQuads * stride;
  for (int64_t b = begin; b < end;) {
    const int64_t flush = end - b < kBlocksPerSum ? end : b + kBlocksPerSum;
    for (; b < flush; ++b, digits += kQuads * stride) {
      if (half == 0) prefetch_ahead<kBits>(codes, b);
      const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b, half);
#pragma GCC unroll 4
      for (int q = 0; q < kQuads; ++q) {
        multiply_quad(sum_i16x16, Quads<kBits>::quad(lines, q), digits + q * stride);
        if (kQuadsPerSum < kQuads && q % kQuadsPerSum == kQuadsPerSum - 1) widen_sums(sum_i32x8, sum_i16x16);
      }
    }
    if (kQuadsPerSum >= kQuads) widen_sums(sum_i32x8, sum_i16x16);
  }
}

// One tile, one row of x; digits at that row, `stride` digits from quad to quad.
template <int kBits>
void stream_digits_tile(const qw_grouped* weight, const int32_t* digits, int64_t stride, const float* units, const float* sums,
                        const float* bias, float* y, int64_t tile) {
  constexpr int64_t kSpan = 64;  // blocks whose second half is still in the first-level cache
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const __m256 offset_f32x8 = _mm256_set1_ps(weight->offset);
  __m256 total_f32x8[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m256i sum_i32x8[2][3];
    for (int half = 0; half < 2; ++half) {
      for (int digit = 0; digit < 3; ++digit) sum_i32x8[half][digit] = _mm256_setzero_si256();
    }
    const int64_t end = weight->group_begin[group + 1];
    for (int64_t b = weight->group_begin[group]; b < end; b += kSpan) {
      const int64_t span_end = end - b < kSpan ? end : b + kSpan;
      multiply_blocks<kBits>(sum_i32x8[0], codes, 0, b, span_end, digits, stride);
      multiply_blocks<kBits>(sum_i32x8[1], codes, 1, b, span_end, digits, stride);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const GroupParams params = load_group(weight, tile, group, half);
      const __m256 zero_f32x8 = _mm256_add_ps(params.zero_f32x8, offset_f32x8);
      __m256 sum_f32x8 = _mm256_setzero_ps();
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        sum_f32x8 = _mm256_fmadd_ps(sum_f32x8, _mm256_set1_ps(256.0f), _mm256_cvtepi32_ps(sum_i32x8[half][digit]));
      }
      sum_f32x8 = _mm256_mul_ps(sum_f32x8, _mm256_set1_ps(units[group]));
      sum_f32x8 = _mm256_fnmadd_ps(zero_f32x8, _mm256_set1_ps(sums[group]), sum_f32x8);
      total_f32x8[half] = _mm256_fmadd_ps(params.scale_f32x8, sum_f32x8, total_f32x8[half]);
      total_f32x8[half] = _mm256_fnmadd_ps(params.minimum_f32x8, _mm256_set1_ps(sums[group]), total_f32x8[half]);
    }
  }
  store_tile(weight, tile * QW_TILE_ROWS, total_f32x8[0], bias, y);
  store_tile(weight, tile * QW_TILE_ROWS + 8, total_f32x8[1], bias, y);
}

// Row by row of x over one tile, which stays in the cache.
template <int kBits>
void stream_digits(const qw_grouped* weight, const qw_grouped_x* x, int, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                   int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int i = 0; i < m; ++i) {
      stream_digits_tile<kBits>(weight, x->digits + i * 3, 3 * m, x->units + i * weight->groups, x->sums + i * weight->groups, bias,
                                y + i * ldy, tile);
    }
  }
}

}  // namespace
