// AVX-512 kernels of the grouped codecs, f32 arithmetic; `Codes` (quads_avx512.h, Widened) says how a block becomes f32 vectors. Include
// only from avx512*.cc files.
//
// Streaming (m <= 4): one 64-byte load feeds 16 rows. Per 16 codes: one shift (p0), one widening (p5), one FMA a row of x (p0/p5) whose
// x comes as an embedded broadcast, so about 1.5 cycles at m = 1: 5 bytes a cycle for q4, 11 for q8. Four accumulators a row of x hide
// the FMA latency of 4 cycles at m = 1; they stay four at every m, so that a row's sum does not depend on the rows beside it. Per group
// and tile: 2 parameter loads, 2 conversions, 2 FMAs.
#pragma once
#include <immintrin.h>

#include "linear/grouped/params_avx512.h"
#include "linear/grouped/quads_avx512.h"

namespace {

// sums[i][g] = sum of x over the group.
inline void sum_groups(const qw_grouped* weight, const qw_grouped_x* x, int m) {
  for (int i = 0; i < m; ++i) {
    const float* values = x->values + i * x->ld;
    for (int64_t group = 0; group < weight->groups; ++group) {
      __m512 sum_f32x16 = _mm512_setzero_ps();
      int64_t k = weight->group_begin[group] * weight->step;
      const int64_t end = weight->group_begin[group + 1] * weight->step;
      for (; k + 16 <= end; k += 16) sum_f32x16 = _mm512_add_ps(sum_f32x16, _mm512_loadu_ps(values + k));
      if (k < end) sum_f32x16 = _mm512_add_ps(sum_f32x16, _mm512_maskz_loadu_ps(__mmask16((1u << (end - k)) - 1), values + k));
      x->sums[i * weight->groups + group] = _mm512_reduce_add_ps(sum_f32x16);
    }
  }
}

inline void store_tile(const qw_grouped* weight, int64_t tile, __m512 sum_f32x16, const float* bias, float* y) {
  const int64_t row = tile * QW_TILE_ROWS, left = weight->base.rows - row;
  const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : __mmask16((1u << left) - 1);
  if (bias != nullptr) sum_f32x16 = _mm512_add_ps(sum_f32x16, _mm512_maskz_loadu_ps(mask, bias + row));
  _mm512_mask_storeu_ps(y + row, mask, sum_f32x16);
}

template <typename Codes, int kRows>
void stream_tile(const qw_grouped* weight, const qw_grouped_x* x, int first, const float* bias, float* y, int64_t ldy, int64_t tile) {
  constexpr int kChains = 4;
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const float* values = x->values + first * x->ld;
  __m512 total_f32x16[kRows];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) total_f32x16[i] = _mm512_setzero_ps();
  const __m512 offset_f32x16 = _mm512_set1_ps(weight->offset);
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m512 sum_f32x16[kRows][kChains];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) sum_f32x16[i][c] = _mm512_setzero_ps();
    }
    for (int64_t b = weight->group_begin[group]; b < weight->group_begin[group + 1]; ++b) {
      const typename Codes::Lines lines = Codes::load(codes, b);
      const float* at = values + b * Codes::kColumns;
#pragma GCC unroll 16
      for (int j = 0; j < Codes::kColumns; ++j) {
        const __m512 code_f32x16 = Codes::widen(lines, j);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          sum_f32x16[i][j % kChains] = _mm512_fmadd_ps(code_f32x16, _mm512_set1_ps(at[i * x->ld + j]), sum_f32x16[i][j % kChains]);
        }
      }
    }
    const GroupParams params = load_group(weight, tile, group);
    const __m512 zero_f32x16 = _mm512_add_ps(params.zero_f32x16, offset_f32x16);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      __m512 all_f32x16 = sum_f32x16[i][0];
#pragma GCC unroll 4
      for (int c = 1; c < kChains; ++c) all_f32x16 = _mm512_add_ps(all_f32x16, sum_f32x16[i][c]);
      const __m512 x_sum_f32x16 = _mm512_set1_ps(x->sums[(first + i) * weight->groups + group]);
      total_f32x16[i] = _mm512_fmadd_ps(params.scale_f32x16, _mm512_fnmadd_ps(zero_f32x16, x_sum_f32x16, all_f32x16), total_f32x16[i]);
      total_f32x16[i] = _mm512_fnmadd_ps(params.minimum_f32x16, x_sum_f32x16, total_f32x16[i]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) store_tile(weight, tile, total_f32x16[i], bias, y + i * ldy);
}

template <typename Codes>
void stream(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    if (m == 1) stream_tile<Codes, 1>(weight, x, first, bias, y, ldy, tile);
    if (m == 2) stream_tile<Codes, 2>(weight, x, first, bias, y, ldy, tile);
    if (m == 3) stream_tile<Codes, 3>(weight, x, first, bias, y, ldy, tile);
    if (m == 4) stream_tile<Codes, 4>(weight, x, first, bias, y, ldy, tile);
  }
}

// Two tiles side by side: panel[column][32]. ((code - offset) - zero) * scale - minimum, the same f32 operations as the specification.
template <typename Codes>
void fill_panel(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_grouped* weight = static_cast<const qw_grouped*>(base);
  const __m512 offset_f32x16 = _mm512_set1_ps(weight->offset);
  const int64_t begin = column / Codes::kColumns, end = (column + count) / Codes::kColumns;
  for (int half = 0; half < 2; ++half) {
    const int64_t tile = row / QW_TILE_ROWS + half;
    float* out = panel + half * 16;
    if (tile >= weight->tiles) {
      for (int64_t k = 0; k < count; ++k) _mm512_store_ps(out + k * 32, _mm512_setzero_ps());
      continue;
    }
    int64_t low = 0, high = weight->groups;  // the group of block `begin`: the last one that starts at or before it and is not empty
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (weight->group_begin[middle] <= begin ? low : high) = middle;
    }
    const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
    for (int64_t group = low, b = begin; b < end; ++group) {
      const GroupParams params = load_group(weight, tile, group);
      const int64_t group_end = weight->group_begin[group + 1] < end ? weight->group_begin[group + 1] : end;
      for (; b < group_end; ++b) {
        const typename Codes::Lines lines = Codes::load(codes, b);
#pragma GCC unroll 16
        for (int j = 0; j < Codes::kColumns; ++j, out += 32) {
          const __m512 code_f32x16 = _mm512_sub_ps(Codes::widen(lines, j), offset_f32x16);
          const __m512 product_f32x16 = _mm512_mul_ps(_mm512_sub_ps(code_f32x16, params.zero_f32x16), params.scale_f32x16);
          _mm512_store_ps(out, _mm512_sub_ps(product_f32x16, params.minimum_f32x16));
        }
      }
    }
  }
}

// Panels of 16-bit codes (panel16/panel16.h): a mask leaves columns (0, 2) of a quad, a shift (1, 3).
template <int kBits>
void fill_panel16(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  __m512i* out = reinterpret_cast<__m512i*>(panel);
  for (int64_t b = begin; b < end; ++b) {
    const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b);
#pragma GCC unroll 4
    for (int q = 0; q < Quads<kBits>::kCount; ++q) {
      const __m512i quad = Quads<kBits>::quad(lines, q);
      _mm512_store_si512(out++, _mm512_and_si512(quad, _mm512_set1_epi16(255)));
      _mm512_store_si512(out++, _mm512_srli_epi16(quad, 8));
    }
  }
}

}  // namespace
