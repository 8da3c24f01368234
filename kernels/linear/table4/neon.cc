// table4, NEON. The table's 64 bytes lie in four registers: of each row's nibble the four byte indices of its value are made, and tbl looks
// them up.
//
// Streaming (m <= 4): per 4 codes a shift, a mask, a multiply-add, tbl and one FMA a row of x. Two accumulators a row of x and quarter of a
// tile, two quarters at a time.
#include <arm_neon.h>

#include "linear/table4/codec.h"

namespace {

struct Table {
  uint8x16x4_t bytes;
  explicit Table(const qw_table4_weight* weight) {
    for (int i = 0; i < 4; ++i) bytes.val[i] = vreinterpretq_u8_f32(vld1q_f32(weight->table + 4 * i));
  }
  // Nibble j of the columns' order, of 4 rows.
  float32x4_t look_up(uint32x4_t lanes, int j) const {
    const int shift = j < 4 ? 8 * j : 8 * (j - 4) + 4;
    const uint32x4_t nibble = vandq_u32(vshlq_u32(lanes, vdupq_n_s32(-shift)), vdupq_n_u32(15));
    const uint32x4_t index = vmlaq_u32(vdupq_n_u32(0x03020100u), nibble, vdupq_n_u32(0x04040404u));
    return vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(index)));
  }
};

inline uint32x4_t load_quarter(const uint8_t* block, int quarter) { return vreinterpretq_u32_u8(vld1q_u8(block + quarter * 16)); }

inline void store_quarter(const qw_table4_weight* weight, int64_t row, float32x4_t sum_f32x4, const float* bias, float* y) {
  const int64_t left = weight->base.rows - row;
  if (left >= 4) {
    if (bias != nullptr) sum_f32x4 = vaddq_f32(sum_f32x4, vld1q_f32(bias + row));
    vst1q_f32(y + row, sum_f32x4);
    return;
  }
  float lanes[4];
  vst1q_f32(lanes, sum_f32x4);
  for (int64_t r = 0; r < left; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

// 8 rows: two quarters of a tile.
template <int kM>
void stream_half(const qw_table4_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t tile,
                 int half) {
  const Table table(weight);
  const uint8_t* block = weight->codes + tile * weight->blocks * QW_TABLE4_BLOCK_BYTES + half * 32;
  const float* absmax = weight->absmax + tile * weight->groups * QW_TABLE4_TILE + half * 8;
  const float* at = x;
  float32x4_t total_f32x4[kM][2];
#pragma GCC unroll 4
  for (int i = 0; i < kM; ++i) total_f32x4[i][0] = total_f32x4[i][1] = vdupq_n_f32(0);
  for (int64_t group = 0; group < weight->groups; ++group, absmax += QW_TABLE4_TILE) {
    float32x4_t sum_f32x4[kM][2][2];  // two at every m, so that a row is summed alike whatever comes with it
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      sum_f32x4[i][0][0] = sum_f32x4[i][0][1] = sum_f32x4[i][1][0] = sum_f32x4[i][1][1] = vdupq_n_f32(0);
    }
    for (int64_t b = 0; b < weight->group_blocks; ++b, block += QW_TABLE4_BLOCK_BYTES, at += QW_TABLE4_STEP) {
      const uint32x4_t lanes[2] = {load_quarter(block, 0), load_quarter(block, 1)};
#pragma GCC unroll 8
      for (int j = 0; j < QW_TABLE4_STEP; ++j) {
        const float32x4_t low_f32x4 = table.look_up(lanes[0], j), high_f32x4 = table.look_up(lanes[1], j);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) {
          const float value = at[i * ldx + j];
          sum_f32x4[i][0][j % 2] = vfmaq_n_f32(sum_f32x4[i][0][j % 2], low_f32x4, value);
          sum_f32x4[i][1][j % 2] = vfmaq_n_f32(sum_f32x4[i][1][j % 2], high_f32x4, value);
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 2
      for (int q = 0; q < 2; ++q) {
        total_f32x4[i][q] = vfmaq_f32(total_f32x4[i][q], vld1q_f32(absmax + q * 4), vaddq_f32(sum_f32x4[i][q][0], sum_f32x4[i][q][1]));
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kM; ++i) {
    store_quarter(weight, tile * QW_TABLE4_TILE + half * 8, total_f32x4[i][0], bias, y + i * ldy);
    store_quarter(weight, tile * QW_TABLE4_TILE + half * 8 + 4, total_f32x4[i][1], bias, y + i * ldy);
  }
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
  for (int quarter = 0; quarter < 4; ++quarter) {
    float* out = panel + quarter * 4;
    for (int64_t b = begin; b < end;) {
      const int64_t group = b / weight->group_blocks, group_end = (group + 1) * weight->group_blocks;
      const float32x4_t absmax_f32x4 = vld1q_f32(weight->absmax + (tile * weight->groups + group) * QW_TABLE4_TILE + quarter * 4);
      for (; b < end && b < group_end; ++b) {
        const uint32x4_t lanes = load_quarter(weight->codes + (tile * weight->blocks + b) * QW_TABLE4_BLOCK_BYTES, quarter);
#pragma GCC unroll 8
        for (int j = 0; j < QW_TABLE4_STEP; ++j, out += 16) vst1q_f32(out, vmulq_f32(table.look_up(lanes, j), absmax_f32x4));
      }
    }
  }
}

}  // namespace

const qw_table4_kernels qw_table4_neon = {stream, fill};
