// table4, AVX-512. A permute takes the low four bits of each lane as index: it masks the nibble and looks it up in one instruction.
//
// Streaming (m <= 4): one 64-byte load feeds 16 rows. Per 16 codes: one shift (p0), one permute (p5), one FMA a row of x (p0/p5) whose x
// comes as an embedded broadcast, so about 1.5 cycles at m = 1: 5 bytes of codes a cycle. Four accumulators a row of x hide the FMA
// latency of 4 cycles. Per group and tile: one load and one FMA.
#include <immintrin.h>

#include "linear/table4/codec.h"

namespace {

inline __m512 look_up(__m512 table_f32x16, __m512i bytes, int j) {
  return _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, unsigned(j < 4 ? 8 * j : 8 * (j - 4) + 4)), table_f32x16);
}

inline void store_tile(const qw_table4_weight* weight, int64_t tile, __m512 sum_f32x16, const float* bias, float* y) {
  const int64_t row = tile * QW_TABLE4_TILE, left = weight->base.rows - row;
  const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : __mmask16((1u << left) - 1);
  if (bias != nullptr) sum_f32x16 = _mm512_add_ps(sum_f32x16, _mm512_maskz_loadu_ps(mask, bias + row));
  _mm512_mask_storeu_ps(y + row, mask, sum_f32x16);
}

template <int kM>
void stream_tile(const qw_table4_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t tile) {
  constexpr int kChains = 4;  // at every m, so that a row is summed alike whatever comes with it
  const __m512 table_f32x16 = _mm512_loadu_ps(weight->table);
  const uint8_t* block = weight->codes + tile * weight->blocks * QW_TABLE4_BLOCK_BYTES;
  const float* absmax = weight->absmax + tile * weight->groups * QW_TABLE4_TILE;
  const float* at = x;
  __m512 total_f32x16[kM];
#pragma GCC unroll 4
  for (int i = 0; i < kM; ++i) total_f32x16[i] = _mm512_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group, absmax += QW_TABLE4_TILE) {
    __m512 sum_f32x16[kM][kChains];
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) sum_f32x16[i][c] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < weight->group_blocks; ++b, block += QW_TABLE4_BLOCK_BYTES, at += QW_TABLE4_STEP) {
      _mm_prefetch(reinterpret_cast<const char*>(block) + 2048, _MM_HINT_T0);
      const __m512i bytes = _mm512_load_si512(block);
#pragma GCC unroll 8
      for (int j = 0; j < QW_TABLE4_STEP; ++j) {
        const __m512 w_f32x16 = look_up(table_f32x16, bytes, j);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) {
          sum_f32x16[i][j % kChains] = _mm512_fmadd_ps(w_f32x16, _mm512_set1_ps(at[i * ldx + j]), sum_f32x16[i][j % kChains]);
        }
      }
    }
    const __m512 absmax_f32x16 = _mm512_load_ps(absmax);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      __m512 all_f32x16 = sum_f32x16[i][0];
#pragma GCC unroll 4
      for (int c = 1; c < kChains; ++c) all_f32x16 = _mm512_add_ps(all_f32x16, sum_f32x16[i][c]);
      total_f32x16[i] = _mm512_fmadd_ps(absmax_f32x16, all_f32x16, total_f32x16[i]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kM; ++i) store_tile(weight, tile, total_f32x16[i], bias, y + i * ldy);
}

void stream(const qw_table4_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    if (m == 1) stream_tile<1>(weight, x, ldx, bias, y, ldy, tile);
    if (m == 2) stream_tile<2>(weight, x, ldx, bias, y, ldy, tile);
    if (m == 3) stream_tile<3>(weight, x, ldx, bias, y, ldy, tile);
    if (m == 4) stream_tile<4>(weight, x, ldx, bias, y, ldy, tile);
  }
}

// Two tiles side by side: panel[column][32].
void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_table4_weight* weight = static_cast<const qw_table4_weight*>(base);
  const __m512 table_f32x16 = _mm512_loadu_ps(weight->table);
  for (int half = 0; half < 2; ++half) {
    const int64_t tile = row / QW_TABLE4_TILE + half;
    float* out = panel + half * 16;
    if (tile >= weight->tiles) {
      for (int64_t k = 0; k < count; ++k) _mm512_store_ps(out + k * 32, _mm512_setzero_ps());
      continue;
    }
    const int64_t begin = column / QW_TABLE4_STEP, end = begin + count / QW_TABLE4_STEP;
    for (int64_t b = begin; b < end;) {
      const int64_t group = b / weight->group_blocks, group_end = (group + 1) * weight->group_blocks;
      const __m512 absmax_f32x16 = _mm512_load_ps(weight->absmax + (tile * weight->groups + group) * QW_TABLE4_TILE);
      for (; b < end && b < group_end; ++b) {
        const __m512i bytes = _mm512_load_si512(weight->codes + (tile * weight->blocks + b) * QW_TABLE4_BLOCK_BYTES);
#pragma GCC unroll 8
        for (int j = 0; j < QW_TABLE4_STEP; ++j, out += 32) {
          _mm512_store_ps(out, _mm512_mul_ps(look_up(table_f32x16, bytes, j), absmax_f32x16));
        }
      }
    }
  }
}

}  // namespace

const qw_table4_kernels qw_table4_avx512 = {stream, fill};
