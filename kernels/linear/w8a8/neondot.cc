// w8a8, NEON with dot products: sdot adds 4 products to each int32 lane. 6 rows of x x 4 accumulators + 4 code vectors + 2 of activations
// = 30 of 32 registers; 24 sdot beside 6 loads a quad of columns.
#include "linear/w8a8/neon.h"

namespace {

inline int32x4_t dot(int32x4_t acc_i32x4, int8x16_t codes_i8x16, int8x16_t x_i8x16, int lane) {
  if (lane == 0) return vdotq_laneq_s32(acc_i32x4, codes_i8x16, x_i8x16, 0);
  if (lane == 1) return vdotq_laneq_s32(acc_i32x4, codes_i8x16, x_i8x16, 1);
  if (lane == 2) return vdotq_laneq_s32(acc_i32x4, codes_i8x16, x_i8x16, 2);
  return vdotq_laneq_s32(acc_i32x4, codes_i8x16, x_i8x16, 3);
}

template <int kRows>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int8_t* values = static_cast<const int8_t*>(x->values);
  int32x4_t acc_i32x4[kRows][4];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) acc_i32x4[i][quarter] = vdupq_n_s32(0);
  }
  for (int64_t quad = 0; quad < weight->quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    const int8x16_t codes_i8x16[4] = {load_codes(codes), load_codes(codes + 16), load_codes(codes + 32), load_codes(codes + 48)};
    // May read up to 12 bytes past the block: codec.cc keeps 2 bytes an activation, of which this kernel uses one, and 64 after them.
    const int8x16_t first_i8x16 = vld1q_s8(values);
    const int8x8_t last_i8x8 = kRows > 4 ? vld1_s8(values + 16) : vdup_n_s8(0);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const int8x16_t x_i8x16 = i < 4 ? first_i8x16 : vcombine_s8(last_i8x8, last_i8x8);
#pragma GCC unroll 4
      for (int quarter = 0; quarter < 4; ++quarter) acc_i32x4[i][quarter] = dot(acc_i32x4[i][quarter], codes_i8x16[quarter], x_i8x16, i % 4);
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  int32x4_t done_i32x4[kRows][4];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) done_i32x4[i][quarter] = acc_i32x4[i][quarter];
  }
  for (int i = 0; i < kRows; ++i) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      store_quarter(weight, tile, quarter, done_i32x4[i][quarter], x, i, bias, y + i * ldy);
    }
  }
}

using Multiply = void (*)(const qw_w8a8_weight*, const qw_w8a8_block*, const float*, float*, int64_t, int64_t);
constexpr Multiply kByHeight[7] = {nullptr,           multiply_block<1>, multiply_block<2>, multiply_block<3>,
                                   multiply_block<4>, multiply_block<5>, multiply_block<6>};

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) kByHeight[x->height](weight, x, bias, y, ldy, tile);
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_neondot = {6, QW_W8A8_QUADS, multiply};
