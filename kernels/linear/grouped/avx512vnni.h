// AVX-512 VNNI streaming kernels of q4 and q8. Include only from avx512vnni.cc files.
//
// x becomes 24-bit fixed point, one power-of-two unit per row of x and group: x = unit * (65536 h + 256 m + l) with digits h, m, l in
// -128..127 and |error| <= 2^-23 of the group's largest |x| (half of that in most groups). Each digit plane is an int8 vector, so that
// dpbusd multiplies 64 codes at once, exactly. The sum's error is below that of f32 accumulation, whose every step rounds at 2^-24 of
// the running sum. Groups of at most 65536 columns: 255 * 128 * 65536 < 2^31.
//
// Cost a block (q4 128 codes, q8 64) and row of x: 6 (3) dpbusd and, for q4, 3 instructions of unpacking: 14 (40) bytes a cycle, above
// what memory delivers; the f32 kernels stop at 5 (11).
#pragma once
#include <immintrin.h>

#include "linear/grouped/avx512.h"

namespace {

constexpr float kMostFixed = 8355711.0f;  // 127 * 65536 + 127 * 256 + 127

// Power of two that brings `most` (> 0, finite) just below kMostFixed.
inline float fixed_point_scale(float most) {
  uint32_t bits;
  __builtin_memcpy(&bits, &most, 4);
  int shift = 149 - int(bits >> 23);  // most < 2^(exponent field - 126), so most * 2^shift < 2^23
  if (shift > 126) shift = 126;
  const auto power_of_two = [](int exponent) { return _mm_cvtss_f32(_mm_castsi128_ps(_mm_set1_epi32((exponent + 127) << 23))); };
  return most * power_of_two(shift) > kMostFixed ? power_of_two(shift - 1) : power_of_two(shift);
}

inline void split_group(const float* values, int64_t begin, int64_t end, int64_t depth, int8_t* planes, float* unit, float* sum) {
  __m512i most_u32x16 = _mm512_setzero_si512();  // largest |x| by its bits: NaN and infinity win
  for (int64_t k = begin; k < end; k += 16) {
    const __mmask16 mask = end - k >= 16 ? __mmask16(0xffff) : __mmask16((1u << (end - k)) - 1);
    const __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, values + k));
    most_u32x16 = _mm512_max_epu32(most_u32x16, _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)));
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  const bool finite = most_bits < 0x7f800000u;
  const float scale = !finite || most_bits == 0 ? 0.0f : fixed_point_scale(_mm512_cvtss_f32(_mm512_castsi512_ps(_mm512_set1_epi32(int(most_bits)))));
  __m512i low_sum_i64x8 = _mm512_setzero_si512(), high_sum_i64x8 = _mm512_setzero_si512();
  for (int64_t k = begin; k < end; k += 16) {
    const __mmask16 mask = end - k >= 16 ? __mmask16(0xffff) : __mmask16((1u << (end - k)) - 1);
    __m512i fixed_i32x16 = _mm512_setzero_si512();
    if (finite) fixed_i32x16 = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, values + k), _mm512_set1_ps(scale)));
    low_sum_i64x8 = _mm512_add_epi64(low_sum_i64x8, _mm512_cvtepi32_epi64(_mm512_castsi512_si256(fixed_i32x16)));
    high_sum_i64x8 = _mm512_add_epi64(high_sum_i64x8, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(fixed_i32x16, 1)));
    for (int plane = 2; plane >= 0; --plane) {  // lowest digit first: its sign is carried into the next
      _mm512_mask_cvtepi32_storeu_epi8(planes + plane * depth + k, mask, fixed_i32x16);
      const __m512i digit_i32x16 = _mm512_srai_epi32(_mm512_slli_epi32(fixed_i32x16, 24), 24);
      fixed_i32x16 = _mm512_srai_epi32(_mm512_sub_epi32(fixed_i32x16, digit_i32x16), 8);
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
                  weight->depth, x->planes + i * 3 * weight->depth, x->units + at, x->sums + at);
    }
  }
}

// sum[i][digit] += codes (16 rows x 4 columns) * digits of those columns.
template <int kRows>
inline void multiply_quad(__m512i (&sum_i32x16)[kRows][3], __m512i codes_u8x64, const int8_t* planes, int64_t depth, int64_t column) {
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (int digit = 0; digit < 3; ++digit) {
      int32_t quad;
      __builtin_memcpy(&quad, planes + (i * 3 + digit) * depth + column, 4);
      sum_i32x16[i][digit] = _mm512_dpbusd_epi32(sum_i32x16[i][digit], codes_u8x64, _mm512_set1_epi32(quad));
    }
  }
}

template <int kBits, int kRows>
void stream_digits_tile(const qw_grouped* weight, const qw_grouped_x* x, int first, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->blocks * QW_BLOCK_BYTES;
  const int64_t depth = weight->depth;
  const int8_t* planes = x->planes + first * 3 * depth;
  const __m512i nibble_u8x64 = _mm512_set1_epi8(15);
  const __m512 offset_f32x16 = _mm512_set1_ps(weight->offset);
  __m512 total_f32x16[kRows];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) total_f32x16[i] = _mm512_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m512i even_i32x16[kRows][3], odd_i32x16[kRows][3];  // two chains: dpbusd takes 5 cycles
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) even_i32x16[i][digit] = odd_i32x16[i][digit] = _mm512_setzero_si512();
    }
    int64_t b = weight->group_begin[group];
    const int64_t end = weight->group_begin[group + 1];
    if (kBits == 4) {
      for (; b < end; ++b) {
        _mm_prefetch(reinterpret_cast<const char*>(codes + b * QW_BLOCK_BYTES) + 2048, _MM_HINT_T0);
        const __m512i bytes = _mm512_load_si512(codes + b * QW_BLOCK_BYTES);
        multiply_quad<kRows>(even_i32x16, _mm512_and_si512(bytes, nibble_u8x64), planes, depth, b * 8);
        multiply_quad<kRows>(odd_i32x16, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble_u8x64), planes, depth, b * 8 + 4);
      }
    } else {
      for (; b + 2 <= end; b += 2) {
        _mm_prefetch(reinterpret_cast<const char*>(codes + b * QW_BLOCK_BYTES) + 2048, _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char*>(codes + b * QW_BLOCK_BYTES) + 2112, _MM_HINT_T0);
        multiply_quad<kRows>(even_i32x16, _mm512_load_si512(codes + b * QW_BLOCK_BYTES), planes, depth, b * 4);
        multiply_quad<kRows>(odd_i32x16, _mm512_load_si512(codes + (b + 1) * QW_BLOCK_BYTES), planes, depth, b * 4 + 4);
      }
      if (b < end) multiply_quad<kRows>(even_i32x16, _mm512_load_si512(codes + b * QW_BLOCK_BYTES), planes, depth, b * 4);
    }
    const int64_t params = (tile * weight->groups + group) * 2 * QW_TILE_ROWS;
    const __m512 scale_f32x16 = load_params_f32x16(weight->scale_type, weight->params, params);
    const __m512 zero_f32x16 =
        _mm512_add_ps(load_params_f32x16(weight->scale_type, weight->params, params + QW_TILE_ROWS), offset_f32x16);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const int64_t at = (first + i) * weight->groups + group;
      __m512 sum_f32x16 = _mm512_setzero_ps();
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        const __m512 digit_f32x16 = _mm512_cvtepi32_ps(_mm512_add_epi32(even_i32x16[i][digit], odd_i32x16[i][digit]));
        sum_f32x16 = _mm512_fmadd_ps(sum_f32x16, _mm512_set1_ps(256.0f), digit_f32x16);
      }
      sum_f32x16 = _mm512_mul_ps(sum_f32x16, _mm512_set1_ps(x->units[at]));
      sum_f32x16 = _mm512_fnmadd_ps(zero_f32x16, _mm512_set1_ps(x->sums[at]), sum_f32x16);
      total_f32x16[i] = _mm512_fmadd_ps(scale_f32x16, sum_f32x16, total_f32x16[i]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) store_tile(weight, tile, total_f32x16[i], bias, y + i * ldy);
}

template <int kBits>
void stream_digits(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy,
                   int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    if (m == 1) stream_digits_tile<kBits, 1>(weight, x, first, bias, y, ldy, tile);
    if (m == 2) stream_digits_tile<kBits, 2>(weight, x, first, bias, y, ldy, tile);
    if (m == 3) stream_digits_tile<kBits, 3>(weight, x, first, bias, y, ldy, tile);
    if (m == 4) stream_digits_tile<kBits, 4>(weight, x, first, bias, y, ldy, tile);
  }
}

}  // namespace
