// What the kernels of the 16-bit panel on 256-bit registers share; `MultiplyAdd` is the instruction that adds 8 x 2 products. Include only
// from avx2.cc and avxvnni.cc.
//
// 6 x 16, one tile: 12 accumulators, 2 panel vectors, a broadcast and a temporary are the 16 registers. A pair of columns: 12 multiply-adds
// (2 a cycle) beside 8 loads, twice the products of f32 FMA a cycle.
#pragma once
#include <immintrin.h>

#include "linear/grouped/params_avx2.h"
#include "linear/panel16/panel16.h"

namespace {

inline void quantize(const float* x, int64_t count, int64_t row, int64_t height, void* chunk, float* unit, float* sum) {
  int32_t words[QW_PANEL16_CHUNK / 2];
  __m256i most_u32x8 = _mm256_setzero_si256();
  alignas(32) float padded[QW_PANEL16_CHUNK];
  __builtin_memcpy(padded, x, size_t(count) * sizeof(float));
  if (count % 8 != 0) __builtin_memset(padded + count, 0, 4 * sizeof(float));
  const int vectors = int((count + 7) / 8);
  for (int v = 0; v < vectors; ++v) {
    const __m256i bits = _mm256_load_si256(reinterpret_cast<const __m256i*>(padded) + v);
    most_u32x8 = _mm256_max_epu32(most_u32x8, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most_u32x8);
  uint32_t most_bits = 0;
  for (uint32_t lane : lanes) most_bits = lane > most_bits ? lane : most_bits;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 32767.0f / most;
  uint32_t inverse_bits;
  __builtin_memcpy(&inverse_bits, &inverse, 4);
  const bool finite = most_bits < 0x7f800000u, usable = finite && inverse_bits < 0x7f800000u;
  __m256i sum_i32x8 = _mm256_setzero_si256();
  for (int v = 0; v < vectors; ++v) {
    __m256i q_i32x8 = _mm256_setzero_si256();
    if (usable) q_i32x8 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(padded + v * 8), _mm256_set1_ps(inverse)));
    sum_i32x8 = _mm256_add_epi32(sum_i32x8, q_i32x8);
    const __m256i across_i32x8 = _mm256_shuffle_epi32(q_i32x8, 0x4e);  // lanes 2 3 0 1 of each quad
    const __m256i pairs = _mm256_blend_epi16(q_i32x8, _mm256_slli_epi32(across_i32x8, 16), 0xaa);
    const int64_t left = (count - v * 8) / 2;
    _mm_storel_epi64(reinterpret_cast<__m128i*>(words + v * 4), _mm256_castsi256_si128(pairs));
    if (left >= 4) _mm_storel_epi64(reinterpret_cast<__m128i*>(words + v * 4 + 2), _mm256_extracti128_si256(pairs, 1));
  }
  alignas(32) int32_t sums[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum_i32x8);
  int32_t all = 0;
  for (int32_t lane : sums) all += lane;
  int32_t* out = static_cast<int32_t*>(chunk) + row;
  for (int64_t pair = 0; pair < count / 2; ++pair) out[pair * height] = words[pair];
  *unit = !finite ? __builtin_nanf("") : usable ? most / 32767.0f : 0.0f;
  *sum = float(double(all) * double(*unit));
}

inline void read_params(const qw_grouped* weight, int64_t tile, int64_t group, float* scale, float* zero) {
  for (int half = 0; half < 2; ++half) {
    const GroupParams params = load_group(weight, tile, group, half);
    const __m256 zero_f32x8 = _mm256_add_ps(params.zero_f32x8, _mm256_set1_ps(weight->offset));
    _mm256_store_ps(scale + half * 8, params.scale_f32x8);
    _mm256_store_ps(zero + half * 8, _mm256_add_ps(_mm256_mul_ps(zero_f32x8, params.scale_f32x8), params.minimum_f32x8));
  }
}

template <typename MultiplyAdd, int kRows>
void multiply_block(const qw_panel16_step* step) {
  const __m256i* panel = reinterpret_cast<const __m256i*>(step->panel);
  const int32_t* x = static_cast<const int32_t*>(step->x);
  const float* units = step->units;
  const float* sums = step->sums;
  const float* params = step->params;
  for (int chunk = 0; chunk < step->chunks; ++chunk, units += kRows, sums += kRows, params += QW_PANEL16_TILES * 2 * QW_TILE_ROWS) {
    __m256i acc_i32x8[kRows][2];
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) acc_i32x8[i][0] = acc_i32x8[i][1] = _mm256_setzero_si256();
    for (int32_t column = 0; column < step->columns[chunk]; column += 2, panel += 2, x += kRows) {
      const __m256i low_i16x16 = _mm256_load_si256(panel), high_i16x16 = _mm256_load_si256(panel + 1);
#pragma GCC unroll 6
      for (int i = 0; i < kRows; ++i) {
        const __m256i x_i16x16 = _mm256_set1_epi32(x[i]);
        MultiplyAdd::add(acc_i32x8[i][0], low_i16x16, x_i16x16);
        MultiplyAdd::add(acc_i32x8[i][1], high_i16x16, x_i16x16);
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const __m256 unit_f32x8 = _mm256_set1_ps(units[i]), sum_f32x8 = _mm256_set1_ps(sums[i]);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        float* total = step->total + i * QW_PANEL16_WIDTH + half * 8;
        const __m256 product_f32x8 = _mm256_mul_ps(_mm256_cvtepi32_ps(acc_i32x8[i][half]), unit_f32x8);
        const __m256 with_f32x8 = _mm256_fmadd_ps(product_f32x8, _mm256_load_ps(params + half * 8), _mm256_load_ps(total));
        _mm256_store_ps(total, _mm256_fnmadd_ps(_mm256_load_ps(params + QW_TILE_ROWS + half * 8), sum_f32x8, with_f32x8));
      }
    }
  }
}

template <typename MultiplyAdd>
void multiply(const qw_panel16_step* step) {
  using Multiply = void (*)(const qw_panel16_step*);
  static constexpr Multiply kByRows[7] = {nullptr,
                                          multiply_block<MultiplyAdd, 1>,
                                          multiply_block<MultiplyAdd, 2>,
                                          multiply_block<MultiplyAdd, 3>,
                                          multiply_block<MultiplyAdd, 4>,
                                          multiply_block<MultiplyAdd, 5>,
                                          multiply_block<MultiplyAdd, 6>};
  kByRows[step->height](step);
}

}  // namespace
