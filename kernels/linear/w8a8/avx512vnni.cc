// w8a8, AVX-512 VNNI. dpbusd multiplies unsigned weights with signed activations, 64 products at once, wrapping (never saturating) in
// int32; 28 accumulators + 2 weight vectors + 1 broadcast. 2 * 14 dpbusd (14 cycles) beside 16 loads (8 cycles) a quad of columns.
#include "linear/vnni.h"
#include "linear/w8a8/avx512.h"

namespace {

// kTiles tiles x kRows rows of x.
template <int kRows, int kTiles>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const int64_t stride = weight->quads * QW_W8A8_QUAD_BYTES;
  const uint8_t* codes = weight->codes + tile * stride;
  const int8_t* values = static_cast<const int8_t*>(x->values);
  __m512i acc_i32x16[kRows][kTiles];
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) acc_i32x16[i][t] = _mm512_setzero_si512();
  }
  for (int64_t quad = 0; quad < weight->quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    if (kRows == 1) {
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) _mm_prefetch(reinterpret_cast<const char*>(codes + t * stride) + 2048, _MM_HINT_T0);
    }
    __m512i codes_u8x64[kTiles];
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) codes_u8x64[t] = _mm512_load_si512(codes + t * stride);
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
      const __m512i x_i8x64 = broadcast_quad(values + i * 4);
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) add_products(acc_i32x16[i][t], codes_u8x64[t], x_i8x64);
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  __m512i done_i32x16[kRows][kTiles];
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) done_i32x16[i][t] = acc_i32x16[i][t];
  }
#pragma GCC unroll 2
  for (int t = 0; t < kTiles; ++t) {
    const TileParams params(weight, tile + t, x, bias);
    for (int i = 0; i < kRows; ++i) store_tile(params, done_i32x16[i][t], x, i, y + i * ldy);
  }
}

using Multiply = void (*)(const qw_w8a8_weight*, const qw_w8a8_block*, const float*, float*, int64_t, int64_t);
#define QW_BOTH(rows) {multiply_block<rows, 1>, multiply_block<rows, 2>}
constexpr Multiply kByShape[15][2] = {{nullptr, nullptr}, QW_BOTH(1),  QW_BOTH(2),  QW_BOTH(3),  QW_BOTH(4),
                                      QW_BOTH(5),         QW_BOTH(6),  QW_BOTH(7),  QW_BOTH(8),  QW_BOTH(9),
                                      QW_BOTH(10),        QW_BOTH(11), QW_BOTH(12), QW_BOTH(13), QW_BOTH(14)};
#undef QW_BOTH

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  for (int64_t tile = tile_begin; tile < tile_end; tile += 2) {
    kByShape[x->height][tile + 1 < tile_end ? 1 : 0](weight, x, bias, y, ldy, tile);
  }
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_avx512vnni = {14, QW_W8A8_QUADS, multiply};
