// AVX2 + FMA + F16C kernels of the grouped codecs, f32 arithmetic; `Codes` (quads_avx2.h, Widened) says how half a block becomes f32
// vectors. Include only from avx2.cc and avxvnni.cc files.
//
// Streaming (m <= 4): a block is two vectors of 8 rows. Per 8 codes: shift, mask, convert, FMA (4 instructions, shared over the rows of x
// but for the FMA). Two accumulators a vector and row of x, one of even and one of odd columns, hide the FMA latency at m = 1; they
// stay two at every m, so that a row's sum does not depend on the rows beside it. Four rows of them would not fit the registers: even
// and odd columns take a pass each, the second on lines that the first left in the cache. Per group and tile: parameters of 16 rows.
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

constexpr int kChains = 2;  // sums of a row and group: column j of a block belongs to chain j % kChains

// all[i][half] = the sum of codes * x over the chains [kFirst, kFirst + kCount) of blocks [begin, end); kFirst > 0: added to it.
template <typename Codes, int kRows, int kFirst, int kCount>
inline void sum_chains(__m256 (&all_f32x8)[kRows][2], const uint8_t* codes, int64_t begin, int64_t end, const float* values, int64_t ld) {
  __m256 sum_f32x8[kRows][2][kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int c = 0; c < kCount; ++c) sum_f32x8[i][0][c] = sum_f32x8[i][1][c] = _mm256_setzero_ps();
  }
  for (int64_t b = begin; b < end; ++b) {
    const typename Codes::Lines low_lines = Codes::load(codes, b, 0), high_lines = Codes::load(codes, b, 1);
    const float* at = values + b * Codes::kColumns;
#pragma GCC unroll 16
    for (int t = 0; t < Codes::kColumns * kCount / kChains; ++t) {
      const int c = t % kCount, j = t / kCount * kChains + kFirst + c;
      const __m256 low_f32x8 = Codes::widen(low_lines, j), high_f32x8 = Codes::widen(high_lines, j);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const __m256 x_f32x8 = _mm256_set1_ps(at[i * ld + j]);
        sum_f32x8[i][0][c] = _mm256_fmadd_ps(low_f32x8, x_f32x8, sum_f32x8[i][0][c]);
        sum_f32x8[i][1][c] = _mm256_fmadd_ps(high_f32x8, x_f32x8, sum_f32x8[i][1][c]);
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 2
      for (int c = 0; c < kCount; ++c) {
        const __m256 chain_f32x8 = sum_f32x8[i][half][c];
        all_f32x8[i][half] = kFirst + c == 0 ? chain_f32x8 : _mm256_add_ps(all_f32x8[i][half], chain_f32x8);
      }
    }
  }
}

template <typename Codes, int kRows>
void stream_tile(const qw_grouped* weight, const qw_grouped_x* x, int first, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const float* values = x->values + first * x->ld;
  __m256 total_f32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) total_f32x8[i][0] = total_f32x8[i][1] = _mm256_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    const int64_t begin = weight->group_begin[group], end = weight->group_begin[group + 1];
    __m256 all_f32x8[kRows][2];
    if constexpr (kRows <= 3) {
      sum_chains<Codes, kRows, 0, 2>(all_f32x8, codes, begin, end, values, x->ld);
    } else {
      sum_chains<Codes, kRows, 0, 1>(all_f32x8, codes, begin, end, values, x->ld);
      sum_chains<Codes, kRows, 1, 1>(all_f32x8, codes, begin, end, values, x->ld);
    }
    for (int half = 0; half < 2; ++half) {
      const GroupParams params = load_group(weight, tile, group, half);
      const __m256 zero_f32x8 = _mm256_add_ps(params.zero_f32x8, _mm256_set1_ps(weight->offset));
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const __m256 x_sum_f32x8 = _mm256_set1_ps(x->sums[(first + i) * weight->groups + group]);
        total_f32x8[i][half] = _mm256_fmadd_ps(params.scale_f32x8, _mm256_fnmadd_ps(zero_f32x8, x_sum_f32x8, all_f32x8[i][half]), total_f32x8[i][half]);
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
