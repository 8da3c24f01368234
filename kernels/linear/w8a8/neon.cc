// w8a8, NEON without dot products. Bytes multiply into 16 bits (at most 128 * 128) and pairs of products are added to int32 lanes, two
// lanes a weight row until the end: 4 instructions per 16 products and row of x. 2 rows of x x 8 accumulators.
#include "linear/w8a8/neon.h"

namespace {

template <int kRows>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int8_t* values = static_cast<const int8_t*>(x->values);
  int32x4_t acc_i32x4[kRows][8];  // of two rows each
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int pair = 0; pair < 8; ++pair) acc_i32x4[i][pair] = vdupq_n_s32(0);
  }
  for (int64_t quad = 0; quad < weight->quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) {
      const int8x16_t codes_i8x16 = load_codes(codes + quarter * 16);
#pragma GCC unroll 2
      for (int i = 0; i < kRows; ++i) {
        const int8x16_t x_i8x16 = broadcast_quad(values + i * 4);
        int32x4_t(&acc)[8] = acc_i32x4[i];
        acc[2 * quarter] = vpadalq_s16(acc[2 * quarter], vmull_s8(vget_low_s8(codes_i8x16), vget_low_s8(x_i8x16)));
        acc[2 * quarter + 1] = vpadalq_s16(acc[2 * quarter + 1], vmull_high_s8(codes_i8x16, x_i8x16));
      }
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  int32x4_t done_i32x4[kRows][4];
#pragma GCC unroll 2
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) done_i32x4[i][quarter] = vpaddq_s32(acc_i32x4[i][2 * quarter], acc_i32x4[i][2 * quarter + 1]);
  }
  for (int i = 0; i < kRows; ++i) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      store_quarter(weight, tile, quarter, done_i32x4[i][quarter], x, i, bias, y + i * ldy);
    }
  }
}

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
    if (x->height == 1) multiply_block<1>(weight, x, bias, y, ldy, tile);
    if (x->height == 2) multiply_block<2>(weight, x, bias, y, ldy, tile);
  }
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_neon = {2, QW_W8A8_QUADS, multiply};
