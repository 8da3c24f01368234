// What the AVX-512 kernels of the 16-bit panel share; `MultiplyAdd` is the instruction that adds 16 x 2 products. Include only from
// avx512*.cc files.
//
// 14 x 32: 28 accumulators + 2 panel vectors + 1 broadcast. A pair of columns: 28 multiply-adds (2 a cycle) beside 16 loads (2 a cycle).
// Per chunk and accumulator: conversion, unit, two FMAs, a load and a store, 2 cycles beside 16 (group 32) or 64 (group 128).
#pragma once
#include <immintrin.h>

#include "linear/panel16/params_avx512.h"

namespace {

inline void quantize(const float* x, int64_t count, int64_t row, int64_t height, void* chunk, float* unit, float* sum) {
  int32_t words[QW_PANEL16_CHUNK / 2];
  __m512 values_f32x16[QW_PANEL16_CHUNK / 16];
  __m512i most_u32x16 = _mm512_setzero_si512();  // largest |x| by its bits: NaN and infinity win
  const int vectors = int((count + 15) / 16);
  for (int v = 0; v < vectors; ++v) {
    const int64_t left = count - v * 16;
    values_f32x16[v] = _mm512_maskz_loadu_ps(left >= 16 ? __mmask16(0xffff) : __mmask16((1u << left) - 1), x + v * 16);
    most_u32x16 = _mm512_max_epu32(most_u32x16, _mm512_and_si512(_mm512_castps_si512(values_f32x16[v]), _mm512_set1_epi32(0x7fffffff)));
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 32767.0f / most;
  uint32_t inverse_bits;
  __builtin_memcpy(&inverse_bits, &inverse, 4);
  const bool finite = most_bits < 0x7f800000u, usable = finite && inverse_bits < 0x7f800000u;
  __m512i sum_i32x16 = _mm512_setzero_si512();
  const __m512i ends = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  for (int v = 0; v < vectors; ++v) {
    __m512i q_i32x16 = _mm512_setzero_si512();
    if (usable) q_i32x16 = _mm512_cvtps_epi32(_mm512_mul_ps(values_f32x16[v], _mm512_set1_ps(inverse)));
    sum_i32x16 = _mm512_add_epi32(sum_i32x16, q_i32x16);
    const __m512i across_i32x16 = _mm512_shuffle_epi32(q_i32x16, _MM_PERM_BADC);  // lanes 2 3 0 1 of each quad
    const __m512i pairs = _mm512_or_si512(_mm512_and_si512(q_i32x16, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(across_i32x16, 16));
    const int64_t left = (count - v * 16) / 2;
    _mm256_mask_storeu_epi32(words + v * 8, left >= 8 ? __mmask8(0xff) : __mmask8((1u << left) - 1),
                             _mm512_castsi512_si256(_mm512_permutexvar_epi32(ends, pairs)));
  }
  int32_t* out = static_cast<int32_t*>(chunk) + row;
  for (int64_t pair = 0; pair < count / 2; ++pair) out[pair * height] = words[pair];
  *unit = !finite ? __builtin_nanf("") : usable ? most / 32767.0f : 0.0f;
  *sum = float(double(_mm512_reduce_add_epi32(sum_i32x16)) * double(*unit));
}

template <typename MultiplyAdd, int kRows, int kTiles>
void multiply_block(const qw_panel16_step* step) {
  constexpr int64_t kTilePanel = QW_PANEL16_BYTES / 2 * QW_TILE_ROWS;
  const int16_t* panel = step->panel;
  const int32_t* x = static_cast<const int32_t*>(step->x);
  const float* units = step->units;
  const float* sums = step->sums;
  const float* params = step->params;
  for (int chunk = 0; chunk < step->chunks; ++chunk, units += kRows, sums += kRows, params += QW_PANEL16_TILES * 2 * QW_TILE_ROWS) {
    __m512i acc_i32x16[kRows][kTiles];
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) acc_i32x16[i][t] = _mm512_setzero_si512();
    }
    for (int32_t column = 0; column < step->columns[chunk]; column += 2, panel += 2 * QW_TILE_ROWS, x += kRows) {
      __m512i codes_i16x32[kTiles];
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) codes_i16x32[t] = _mm512_load_si512(panel + t * kTilePanel);
#pragma GCC unroll 14
      for (int i = 0; i < kRows; ++i) {
        const __m512i x_i16x32 = _mm512_set1_epi32(x[i]);
#pragma GCC unroll 2
        for (int t = 0; t < kTiles; ++t) MultiplyAdd::add(acc_i32x16[i][t], codes_i16x32[t], x_i16x32);
      }
    }
    __m512 scale_f32x16[kTiles], zero_f32x16[kTiles];
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) {
      scale_f32x16[t] = _mm512_load_ps(params + t * 2 * QW_TILE_ROWS);
      zero_f32x16[t] = _mm512_load_ps(params + t * 2 * QW_TILE_ROWS + QW_TILE_ROWS);
    }
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
      const __m512 unit_f32x16 = _mm512_set1_ps(units[i]), sum_f32x16 = _mm512_set1_ps(sums[i]);
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) {
        float* total = step->total + i * QW_PANEL16_WIDTH + t * QW_TILE_ROWS;
        const __m512 product_f32x16 = _mm512_mul_ps(_mm512_cvtepi32_ps(acc_i32x16[i][t]), unit_f32x16);
        const __m512 with_f32x16 = _mm512_fmadd_ps(product_f32x16, scale_f32x16[t], _mm512_load_ps(total));
        _mm512_store_ps(total, _mm512_fnmadd_ps(zero_f32x16[t], sum_f32x16, with_f32x16));
      }
    }
  }
}

template <typename MultiplyAdd>
void multiply(const qw_panel16_step* step) {
  using Multiply = void (*)(const qw_panel16_step*);
#define QW_BOTH(rows) {multiply_block<MultiplyAdd, rows, 1>, multiply_block<MultiplyAdd, rows, 2>}
  static constexpr Multiply kByShape[15][2] = {{nullptr, nullptr}, QW_BOTH(1),  QW_BOTH(2),  QW_BOTH(3),  QW_BOTH(4),
                                               QW_BOTH(5),         QW_BOTH(6),  QW_BOTH(7),  QW_BOTH(8),  QW_BOTH(9),
                                               QW_BOTH(10),        QW_BOTH(11), QW_BOTH(12), QW_BOTH(13), QW_BOTH(14)};
#undef QW_BOTH
  kByShape[step->height][step->tiles - 1](step);
}

}  // namespace
