// table4, AVX2 + FMA. The table lies in two vectors of 8: each is permuted by the low three bits of a lane, and the fourth bit, moved to
// the sign, chooses between them.
//
// Streaming (m <= 4): per 8 codes two shifts, two permutes (p5) and a blend, shared over the rows of x, and one FMA a row of x: about 2
// cycles, 2 bytes of codes a cycle. Two accumulators a row of x hide the
// latency of 4 cycles of an FMA every 2.
#include <immintrin.h>

#include "linear/table4/codec.h"

namespace {

struct Table {
  __m256 low_f32x8, high_f32x8;
  explicit Table(const qw_table4_weight* weight) : low_f32x8(_mm256_loadu_ps(weight->table)), high_f32x8(_mm256_loadu_ps(weight->table + 8)) {}
  // Nibble j of the columns' order, of 8 rows.
  __m256 look_up(__m256i bytes, int j) const {
    const int shift = j < 4 ? 8 * j : 8 * (j - 4) + 4;
    const __m256i index = _mm256_srli_epi32(bytes, shift);
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(bytes, 28 - shift));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low_f32x8, index), _mm256_permutevar8x32_ps(high_f32x8, index), upper);
  }
};

inline void store_half(const qw_table4_weight* weight, int64_t row, __m256 sum_f32x8, const float* bias, float* y) {
  if (row + 8 <= weight->base.rows) {
    if (bias != nullptr) sum_f32x8 = _mm256_add_ps(sum_f32x8, _mm256_loadu_ps(bias + row));
    _mm256_storeu_ps(y + row, sum_f32x8);
    return;
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum_f32x8);
  for (int r = 0; r < 8 && row + r < weight->base.rows; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

// 8 rows: one half of a tile.
template <int kM>
void stream_half(const qw_table4_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t tile,
                 int half) {
  constexpr int kChains = 2;  // at every m, so that a row is summed alike whatever comes with it
  const Table table(weight);
  const uint8_t* block = weight->codes + tile * weight->blocks * QW_TABLE4_BLOCK_BYTES + half * 32;
  const float* absmax = weight->absmax + tile * weight->groups * QW_TABLE4_TILE + half * 8;
  const float* at = x;
  __m256 total_f32x8[kM];
#pragma GCC unroll 4
  for (int i = 0; i < kM; ++i) total_f32x8[i] = _mm256_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group, absmax += QW_TABLE4_TILE) {
    __m256 sum_f32x8[kM][kChains];
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 8
      for (int c = 0; c < kChains; ++c) sum_f32x8[i][c] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < weight->group_blocks; ++b, block += QW_TABLE4_BLOCK_BYTES, at += QW_TABLE4_STEP) {
      _mm_prefetch(reinterpret_cast<const char*>(block) + 2048, _MM_HINT_T0);
      const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(block));
#pragma GCC unroll 8
      for (int j = 0; j < QW_TABLE4_STEP; ++j) {
        const __m256 w_f32x8 = table.look_up(bytes, j);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) {
          sum_f32x8[i][j % kChains] = _mm256_fmadd_ps(w_f32x8, _mm256_set1_ps(at[i * ldx + j]), sum_f32x8[i][j % kChains]);
        }
      }
    }
    const __m256 absmax_f32x8 = _mm256_load_ps(absmax);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      __m256 all_f32x8 = sum_f32x8[i][0];
#pragma GCC unroll 8
      for (int c = 1; c < kChains; ++c) all_f32x8 = _mm256_add_ps(all_f32x8, sum_f32x8[i][c]);
      total_f32x8[i] = _mm256_fmadd_ps(absmax_f32x8, all_f32x8, total_f32x8[i]);
    }
  }
  for (int i = 0; i < kM; ++i) store_half(weight, tile * QW_TABLE4_TILE + half * 8, total_f32x8[i], bias, y + i * ldy);
}

template <int kM>
void stream_tiles(const qw_table4_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t begin,
                  int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int half = 0; half < 2; ++half) stream_half<kM>(weight, x, ldx, bias, y, ldy, tile, half);
  }
}

void stream(const qw_table4_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  if (m == 1) stream_tiles<1>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 2) stream_tiles<2>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 3) stream_tiles<3>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 4) stream_tiles<4>(weight, x, ldx, bias, y, ldy, begin, end);
}

// One tile: panel[column][16].
void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_table4_weight* weight = static_cast<const qw_table4_weight*>(base);
  const Table table(weight);
  const int64_t tile = row / QW_TABLE4_TILE, begin = column / QW_TABLE4_STEP, end = begin + count / QW_TABLE4_STEP;
  for (int half = 0; half < 2; ++half) {
    float* out = panel + half * 8;
    for (int64_t b = begin; b < end;) {
      const int64_t group = b / weight->group_blocks, group_end = (group + 1) * weight->group_blocks;
      const __m256 absmax_f32x8 = _mm256_load_ps(weight->absmax + (tile * weight->groups + group) * QW_TABLE4_TILE + half * 8);
      for (; b < end && b < group_end; ++b) {
        const uint8_t* block = weight->codes + (tile * weight->blocks + b) * QW_TABLE4_BLOCK_BYTES;
        const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(block) + half);
#pragma GCC unroll 8
        for (int j = 0; j < QW_TABLE4_STEP; ++j, out += 16) {
          _mm256_store_ps(out, _mm256_mul_ps(table.look_up(bytes, j), absmax_f32x8));
        }
      }
    }
  }
}

}  // namespace

const qw_table4_kernels qw_table4_avx2 = {stream, fill};
