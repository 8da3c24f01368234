// AVX-512 VNNI streaming kernels of the grouped codecs. Include only from avx512vnni.cc files.
//
// x as three digit planes (fixed_point.h); dpbusd multiplies 64 codes with a digit at once, exactly.
//
// Cost a quad of 64 codes and row of x: 3 dpbusd, and once for all rows 0 (q8), 1.5 (q4), 2 (q2), 3.5 (q5) or 4 (q3, q6) instructions of
// unpacking. Bytes of codes a cycle at m = 1: q8 40, q4 14, q6 13, q5 12, q3 7, q2 6, above what memory delivers to a core; the f32 kernels
// stop at 11 (q8), 5 (q4).
#pragma once
#include <immintrin.h>

#include "linear/grouped/avx512.h"
#include "linear/grouped/fixed_point.h"
#include "linear/vnni.h"

namespace {

// digits: [quad of 4 columns][row of x][h, m, l], 4 bytes each, at this row; stride in 4-byte digits from quad to quad.
inline void split_group(const float* values, int64_t begin, int64_t end, int32_t* digits, int64_t stride, float* unit, float* sum) {
  __m512i most_u32x16 = _mm512_setzero_si512();  // largest |x| by its bits: NaN and infinity win
  for (int64_t k = begin; k < end; k += 16) {
    const __mmask16 mask = end - k >= 16 ? __mmask16(0xffff) : __mmask16((1u << (end - k)) - 1);
    const __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, values + k));
    most_u32x16 = _mm512_max_epu32(most_u32x16, _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)));
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  const bool finite = most_bits < 0x7f800000u;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float scale = !finite || most_bits == 0 ? 0.0f : qw_fixed_point_scale(most);
  __m512i low_sum_i64x8 = _mm512_setzero_si512(), high_sum_i64x8 = _mm512_setzero_si512();
  for (int64_t k = begin; k < end; k += 16) {
    const int64_t count = end - k >= 16 ? 16 : end - k;
    __m512i fixed_i32x16 = _mm512_setzero_si512();
    if (finite) {
      const __m512 value_f32x16 = _mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), values + k);
      fixed_i32x16 = _mm512_cvtps_epi32(_mm512_mul_ps(value_f32x16, _mm512_set1_ps(scale)));
    }
    low_sum_i64x8 = _mm512_add_epi64(low_sum_i64x8, _mm512_cvtepi32_epi64(_mm512_castsi512_si256(fixed_i32x16)));
    high_sum_i64x8 = _mm512_add_epi64(high_sum_i64x8, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(fixed_i32x16, 1)));
    for (int digit = 2; digit >= 0; --digit) {  // lowest first: its sign is carried into the next
      alignas(16) int32_t quads[4];
      _mm_store_si128(reinterpret_cast<__m128i*>(quads), _mm512_cvtepi32_epi8(fixed_i32x16));
      for (int64_t quad = 0; quad < count / 4; ++quad) digits[(k / 4 + quad) * stride + digit] = quads[quad];
      const __m512i signed_i32x16 = _mm512_srai_epi32(_mm512_slli_epi32(fixed_i32x16, 24), 24);
      fixed_i32x16 = _mm512_srai_epi32(_mm512_sub_epi32(fixed_i32x16, signed_i32x16), 8);
    }
  }
  *unit = !finite ? __builtin_nanf("") : most_bits == 0 ? 0.0f : 1.0f / scale;
  *sum = float(double(_mm512_reduce_add_epi64(_mm512_add_epi64(low_sum_i64x8, high_sum_i64x8))) * double(*unit));
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

// sum[i][digit] += codes (16 rows x 4 columns) * digits of those columns.
template <int kRows>
inline void multiply_quad(__m512i (&sum_i32x16)[kRows][3], __m512i codes_u8x64, const int32_t* digits) {
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (int digit = 0; digit < 3; ++digit) add_products(sum_i32x16[i][digit], codes_u8x64, broadcast_quad(digits + i * 3 + digit));
  }
}

template <int kBits, int kRows>
void stream_digits_tile(const qw_grouped* weight, const qw_grouped_x* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  // dpbusd takes 5 cycles and 2 start in each: below 10 chains a second set of sums keeps the ports busy.
  constexpr bool kTwoSets = kRows <= 3;
  constexpr int64_t kQuad = kRows * 3;
  constexpr int kQuads = Quads<kBits>::kCount;
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const __m512 offset_f32x16 = _mm512_set1_ps(weight->offset);
  __m512 total_f32x16[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) total_f32x16[i] = _mm512_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m512i even_i32x16[kRows][3], odd_i32x16[kTwoSets ? kRows : 1][3];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        even_i32x16[i][digit] = _mm512_setzero_si512();
        if (kTwoSets) odd_i32x16[i][digit] = _mm512_setzero_si512();
      }
    }
    const auto other_set = [&]() -> __m512i(&)[kRows][3] {
      if constexpr (kTwoSets) return odd_i32x16;
      else return even_i32x16;
    };
    int64_t b = weight->group_begin[group];
    const int64_t end = weight->group_begin[group + 1];
    const int32_t* digits = x->digits + b * kQuads * kQuad;
    if constexpr (kQuads > 1) {
      for (; b < end; ++b, digits += kQuads * kQuad) {
        prefetch_ahead<kBits>(codes, b);
        const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b);
#pragma GCC unroll 4
        for (int q = 0; q < kQuads; q += 2) {
          multiply_quad<kRows>(even_i32x16, Quads<kBits>::quad(lines, q), digits + q * kQuad);
          multiply_quad<kRows>(other_set(), Quads<kBits>::quad(lines, q + 1), digits + (q + 1) * kQuad);
        }
      }
    } else {
      for (; b + 2 <= end; b += 2, digits += 2 * kQuad) {
        prefetch_ahead<kBits>(codes, b);
        prefetch_ahead<kBits>(codes, b + 1);
        multiply_quad<kRows>(even_i32x16, Quads<kBits>::load(codes, b), digits);
        multiply_quad<kRows>(other_set(), Quads<kBits>::load(codes, b + 1), digits + kQuad);
      }
      if (b < end) multiply_quad<kRows>(even_i32x16, Quads<kBits>::load(codes, b), digits);
    }
    const GroupParams params = load_group(weight, tile, group);
    const __m512 zero_f32x16 = _mm512_add_ps(params.zero_f32x16, offset_f32x16);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const int64_t at = i * weight->groups + group;
      __m512 sum_f32x16 = _mm512_setzero_ps();
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        __m512i digit_i32x16 = even_i32x16[i][digit];
        if (kTwoSets) digit_i32x16 = _mm512_add_epi32(digit_i32x16, odd_i32x16[i][digit]);
        sum_f32x16 = _mm512_fmadd_ps(sum_f32x16, _mm512_set1_ps(256.0f), _mm512_cvtepi32_ps(digit_i32x16));
      }
      sum_f32x16 = _mm512_mul_ps(sum_f32x16, _mm512_set1_ps(x->units[at]));
      sum_f32x16 = _mm512_fnmadd_ps(zero_f32x16, _mm512_set1_ps(x->sums[at]), sum_f32x16);
      total_f32x16[i] = _mm512_fmadd_ps(params.scale_f32x16, sum_f32x16, total_f32x16[i]);
      total_f32x16[i] = _mm512_fnmadd_ps(params.minimum_f32x16, _mm512_set1_ps(x->sums[at]), total_f32x16[i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) store_tile(weight, tile, total_f32x16[i], bias, y + i * ldy);
}

template <int kBits>
void stream_digits(const qw_grouped* weight, const qw_grouped_x* x, int, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                   int64_t end) {
  using Stream = void (*)(const qw_grouped*, const qw_grouped_x*, const float*, float*, int64_t, int64_t);
  static constexpr Stream kByRows[QW_GEMV_MOST_ROWS + 1] = {nullptr,
                                                            stream_digits_tile<kBits, 1>,
                                                            stream_digits_tile<kBits, 2>,
                                                            stream_digits_tile<kBits, 3>,
                                                            stream_digits_tile<kBits, 4>,
                                                            stream_digits_tile<kBits, 5>,
                                                            stream_digits_tile<kBits, 6>,
                                                            stream_digits_tile<kBits, 7>,
                                                            stream_digits_tile<kBits, 8>};
  for (int64_t tile = begin; tile < end; ++tile) kByRows[m](weight, x, bias, y, ldy, tile);
}

}  // namespace
