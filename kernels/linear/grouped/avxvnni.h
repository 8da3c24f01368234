// AVX-VNNI streaming kernels of the grouped codecs: dpbusd on 256 bits. Include only from avxvnni.cc files.
//
// x as three digit planes (fixed_point.h), multiplied exactly, two rows of x at a time over a tile that stays in the cache.
//
// Cost a quad of 64 codes and row of x: 6 dpbusd (3 cycles) and 3 broadcast loads; once for both rows 2 loads and the unpacking of the
// AVX2 kernels. AVX2 takes 6 multiplications, 6 additions and a share of widening (q8: f32, 12 cycles). 12 sums hide the latency of
// dpbusd (5 cycles, 2 start in each).
#pragma once
#include "linear/grouped/avx2.h"
#include "linear/grouped/split_avx2.h"
#include "linear/vnni.h"

namespace {

// sum[i][half][digit] += codes (8 rows x 4 columns each) * digits of those columns.
template <int kRows>
inline void multiply_quad(__m256i (&sum_i32x8)[kRows][2][3], __m256i low_u8x32, __m256i high_u8x32, const int32_t* digits) {
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (int digit = 0; digit < 3; ++digit) {
      const __m256i x_i8x32 = broadcast_quad(digits + i * 3 + digit);
      add_products(sum_i32x8[i][0][digit], low_u8x32, x_i8x32);
      add_products(sum_i32x8[i][1][digit], high_u8x32, x_i8x32);
    }
  }
}

// One tile, one or two rows of x from row `first` on.
template <int kBits, int kRows>
void stream_digits_tile(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy,
                        int64_t tile) {
  constexpr int kOdd = kRows == 1 ? 1 : 0;  // 12 sums in either case: one row has two sets
  constexpr int kQuads = Quads<kBits>::kCount;
  const int64_t stride = 3 * m;
  const int32_t* digits = x->digits + first * 3;
  const float* units = x->units + first * weight->groups;
  const float* sums = x->sums + first * weight->groups;
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  __m256 total_f32x8[kRows][2];
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) total_f32x8[i][0] = total_f32x8[i][1] = _mm256_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m256i set_i32x8[kOdd + 1][kRows][2][3];
#pragma GCC unroll 2
    for (int set = 0; set <= kOdd; ++set) {
#pragma GCC unroll 2
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) set_i32x8[set][i][0][digit] = set_i32x8[set][i][1][digit] = _mm256_setzero_si256();
      }
    }
    const int64_t end = weight->group_begin[group + 1];
    int64_t b = weight->group_begin[group];
    const int32_t* quad = digits + b * kQuads * stride;
    if constexpr (kQuads > 1) {
      for (; b < end; ++b, quad += kQuads * stride) {
        prefetch_ahead<kBits>(codes, b);
        const typename Quads<kBits>::Lines low = Quads<kBits>::load(codes, b, 0), high = Quads<kBits>::load(codes, b, 1);
#pragma GCC unroll 4
        for (int q = 0; q < kQuads; ++q) {
          multiply_quad<kRows>(set_i32x8[q % 2 * kOdd], Quads<kBits>::quad(low, q), Quads<kBits>::quad(high, q), quad + q * stride);
        }
      }
    } else {
      for (; b + 2 <= end; b += 2, quad += 2 * stride) {
        prefetch_ahead<kBits>(codes, b);
        prefetch_ahead<kBits>(codes, b + 1);
        multiply_quad<kRows>(set_i32x8[0], Quads<kBits>::load(codes, b, 0), Quads<kBits>::load(codes, b, 1), quad);
        multiply_quad<kRows>(set_i32x8[kOdd], Quads<kBits>::load(codes, b + 1, 0), Quads<kBits>::load(codes, b + 1, 1), quad + stride);
      }
      if (b < end) multiply_quad<kRows>(set_i32x8[0], Quads<kBits>::load(codes, b, 0), Quads<kBits>::load(codes, b, 1), quad);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const GroupParams params = load_group(weight, tile, group, half);
      const __m256 zero_f32x8 = _mm256_add_ps(params.zero_f32x8, _mm256_set1_ps(weight->offset));
#pragma GCC unroll 2
      for (int i = 0; i < kRows; ++i) {
        const int64_t at = i * weight->groups + group;
        __m256 sum_f32x8 = _mm256_setzero_ps();
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) {
          __m256i digit_i32x8 = set_i32x8[0][i][half][digit];
          if (kOdd == 1) digit_i32x8 = _mm256_add_epi32(digit_i32x8, set_i32x8[kOdd][i][half][digit]);
          sum_f32x8 = _mm256_fmadd_ps(sum_f32x8, _mm256_set1_ps(256.0f), _mm256_cvtepi32_ps(digit_i32x8));
        }
        sum_f32x8 = _mm256_mul_ps(sum_f32x8, _mm256_set1_ps(units[at]));
        sum_f32x8 = _mm256_fnmadd_ps(zero_f32x8, _mm256_set1_ps(sums[at]), sum_f32x8);
        total_f32x8[i][half] = _mm256_fmadd_ps(params.scale_f32x8, sum_f32x8, total_f32x8[i][half]);
        total_f32x8[i][half] = _mm256_fnmadd_ps(params.minimum_f32x8, _mm256_set1_ps(sums[at]), total_f32x8[i][half]);
      }
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
    store_tile(weight, tile * QW_TILE_ROWS, total_f32x8[i][0], bias, y + (first + i) * ldy);
    store_tile(weight, tile * QW_TILE_ROWS + 8, total_f32x8[i][1], bias, y + (first + i) * ldy);
  }
}

template <int kBits>
void stream_digits(const qw_grouped* weight, const qw_grouped_x* x, int, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                   int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    int i = 0;
    for (; i + 2 <= m; i += 2) stream_digits_tile<kBits, 2>(weight, x, i, m, bias, y, ldy, tile);
    if (i < m) stream_digits_tile<kBits, 1>(weight, x, i, m, bias, y, ldy, tile);
  }
}

}  // namespace
