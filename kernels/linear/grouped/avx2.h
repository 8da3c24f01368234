// AVX2 + FMA + F16C kernels of the grouped codecs, f32 arithmetic; `Codes` (quads_avx2.h, Widened) says how half a block becomes f32
// vectors. Include only from avx2.cc and avxvnni.cc files.
//
// Streaming (m <= 4): a block is two vectors of 8 rows. Per 8 codes: shift, mask, convert, FMA (4 instructions, shared over the rows of x
// but for the FMA). 8 accumulators at every m. Per group and tile: parameters of 16 rows.
#pragma once
#include <immintrin.h>

#include "linear/grouped/params_avx2.h"
#include "linear/grouped/quads_avx2.h"

namespace {

// sums[i][g] = sum of x over the group.
inline void sum_groups(const qw_grouped* weight, const qw_grouped_x* x, int m) {
  for (int i = 0; i < m; ++i) {
    const float* values = x->values + i * x->ld;
    for (int64_t group = 0; group < weight->groups; ++group) {
      __m128 sum_f32x4 = _mm_setzero_ps();
      const int64_t end = weight->group_begin[group + 1] * weight->step;  // a multiple of 4, as the begin is
      for (int64_t k = weight->group_begin[group] * weight->step; k < end; k += 4) {
        sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_loadu_ps(values + k));
      }
      const __m128 pair_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
      x->sums[i * weight->groups + group] = _mm_cvtss_f32(_mm_add_ss(pair_f32x4, _mm_movehdup_ps(pair_f32x4)));
    }
  }
}

inline void store_tile(const qw_grouped* weight, int64_t row, __m256 sum_f32x8, const float* bias, float* y) {
  if (row + 8 <= weight->base.rows) {
    if (bias != nullptr) sum_f32x8 = _mm256_add_ps(sum_f32x8, _mm256_loadu_ps(bias + row));
    _mm256_storeu_ps(y + row, sum_f32x8);
    return;
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum_f32x8);
  for (int r = 0; r < 8 && row + r < weight->base.rows; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

template <typename Codes, int kRows>
void stream_tile(const qw_grouped* weight, const qw_grouped_x* x, int first, const float* bias, float* y, int64_t ldy, int64_t tile) {
  constexpr int kChains = kRows == 1 ? 4 : kRows == 2 ? 2 : 1;
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const float* values = x->values + first * x->ld;
  __m256 total_f32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) total_f32x8[i][0] = total_f32x8[i][1] = _mm256_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m256 sum_f32x8[kRows][2][kChains];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) sum_f32x8[i][0][c] = sum_f32x8[i][1][c] = _mm256_setzero_ps();
    }
    for (int64_t b = weight->group_begin[group]; b < weight->group_begin[group + 1]; ++b) {
      const typename Codes::Lines low_lines = Codes::load(codes, b, 0), high_lines = Codes::load(codes, b, 1);
      const float* at = values + b * Codes::kColumns;
#pragma GCC unroll 16
      for (int j = 0; j < Codes::kColumns; ++j) {
        const __m256 low_f32x8 = Codes::widen(low_lines, j), high_f32x8 = Codes::widen(high_lines, j);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          const __m256 x_f32x8 = _mm256_set1_ps(at[i * x->ld + j]);
          sum_f32x8[i][0][j % kChains] = _mm256_fmadd_ps(low_f32x8, x_f32x8, sum_f32x8[i][0][j % kChains]);
          sum_f32x8[i][1][j % kChains] = _mm256_fmadd_ps(high_f32x8, x_f32x8, sum_f32x8[i][1][j % kChains]);
        }
      }
    }
    for (int half = 0; half < 2; ++half) {
      const GroupParams params = load_group(weight, tile, group, half);
      const __m256 zero_f32x8 = _mm256_add_ps(params.zero_f32x8, _mm256_set1_ps(weight->offset));
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        __m256 all_f32x8 = sum_f32x8[i][half][0];
#pragma GCC unroll 4
        for (int c = 1; c < kChains; ++c) all_f32x8 = _mm256_add_ps(all_f32x8, sum_f32x8[i][half][c]);
        const __m256 x_sum_f32x8 = _mm256_set1_ps(x->sums[(first + i) * weight->groups + group]);
        total_f32x8[i][half] = _mm256_fmadd_ps(params.scale_f32x8, _mm256_fnmadd_ps(zero_f32x8, x_sum_f32x8, all_f32x8), total_f32x8[i][half]);
        total_f32x8[i][half] = _mm256_fnmadd_ps(params.minimum_f32x8, x_sum_f32x8, total_f32x8[i][half]);
      }
    }
  }
  for (int i = 0; i < kRows; ++i) {
    store_tile(weight, tile * QW_TILE_ROWS, total_f32x8[i][0], bias, y + i * ldy);
    store_tile(weight, tile * QW_TILE_ROWS + 8, total_f32x8[i][1], bias, y + i * ldy);
  }
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

// One tile: panel[column][16]. ((code - offset) - zero) * scale - minimum, the same f32 operations as the specification.
template <typename Codes>
void fill_panel(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_grouped* weight = static_cast<const qw_grouped*>(base);
  const __m256 offset_f32x8 = _mm256_set1_ps(weight->offset);
  const int64_t begin = column / Codes::kColumns, end = (column + count) / Codes::kColumns, tile = row / QW_TILE_ROWS;
  int64_t low = 0, high = weight->groups;  // the group of block `begin`: the last one that starts at or before it
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (weight->group_begin[middle] <= begin ? low : high) = middle;
  }
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  for (int64_t group = low, b = begin; b < end; ++group) {
    const int64_t group_end = weight->group_begin[group + 1] < end ? weight->group_begin[group + 1] : end;
    for (int half = 0; half < 2; ++half) {
      const GroupParams params = load_group(weight, tile, group, half);
      float* out = panel + (b - begin) * Codes::kColumns * 16 + half * 8;
      for (int64_t at = b; at < group_end; ++at) {
        const typename Codes::Lines lines = Codes::load(codes, at, half);
#pragma GCC unroll 16
        for (int j = 0; j < Codes::kColumns; ++j, out += 16) {
          const __m256 code_f32x8 = _mm256_sub_ps(Codes::widen(lines, j), offset_f32x8);
          const __m256 product_f32x8 = _mm256_mul_ps(_mm256_sub_ps(code_f32x8, params.zero_f32x8), params.scale_f32x8);
          _mm256_store_ps(out, _mm256_sub_ps(product_f32x8, params.minimum_f32x8));
        }
      }
    }
    b = group_end > b ? group_end : b;
  }
}

// Panels of 16-bit codes (panel16/panel16.h): a mask leaves columns (0, 2) of a quad, a shift (1, 3).
template <int kBits>
void fill_panel16(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  constexpr int kQuads = Quads<kBits>::kCount;
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  __m256i* out = reinterpret_cast<__m256i*>(panel);
  for (int64_t b = begin; b < end; ++b, out += 4 * kQuads) {
    for (int half = 0; half < 2; ++half) {
      const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b, half);
#pragma GCC unroll 4
      for (int q = 0; q < kQuads; ++q) {
        const __m256i quad = Quads<kBits>::quad(lines, q);
        _mm256_store_si256(out + 4 * q + half, _mm256_and_si256(quad, _mm256_set1_epi16(255)));
        _mm256_store_si256(out + 4 * q + 2 + half, _mm256_srli_epi16(quad, 8));
      }
    }
  }
}

}  // namespace
