// w8a8, AVX2. Codes widen to 16 bits (even bytes by mask, odd bytes by shift) and pmaddwd adds pairs of products in int32: exact, where
// pmaddubsw would saturate (255 * 127 * 2 > 32767). 4 instructions per 32 products and row of x; 4 rows of x share the unpacking.
#include "linear/w8a8/avx2.h"

namespace {

inline __m256i load_pair(const int16_t* at) {
  int32_t pair;
  __builtin_memcpy(&pair, at, 4);
  return _mm256_set1_epi32(pair);
}

template <int kRows>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int16_t* values = static_cast<const int16_t*>(x->values);
  const __m256i low_byte_i16x16 = _mm256_set1_epi16(255);
  __m256i acc_i32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) acc_i32x8[i][0] = acc_i32x8[i][1] = _mm256_setzero_si256();
  for (int64_t quad = 0; quad < weight->quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes) + half);
      const __m256i even_i16x16 = _mm256_and_si256(bytes, low_byte_i16x16), odd_i16x16 = _mm256_srli_epi16(bytes, 8);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const __m256i pairs_i32x8 = _mm256_add_epi32(_mm256_madd_epi16(even_i16x16, load_pair(values + i * 4)),
                                                     _mm256_madd_epi16(odd_i16x16, load_pair(values + i * 4 + 2)));
        acc_i32x8[i][half] = _mm256_add_epi32(acc_i32x8[i][half], pairs_i32x8);
      }
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  __m256i done_i32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) done_i32x8[i][0] = acc_i32x8[i][0], done_i32x8[i][1] = acc_i32x8[i][1];
  for (int i = 0; i < kRows; ++i) {
    for (int half = 0; half < 2; ++half) store_half(weight, tile, half, done_i32x8[i][half], x, i, bias, y + i * ldy);
  }
}

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
    if (x->height == 1) multiply_block<1>(weight, x, bias, y, ldy, tile);
    if (x->height == 2) multiply_block<2>(weight, x, bias, y, ldy, tile);
    if (x->height == 3) multiply_block<3>(weight, x, bias, y, ldy, tile);
    if (x->height == 4) multiply_block<4>(weight, x, bias, y, ldy, tile);
  }
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_avx2 = {4, QW_W8A8_WIDE, multiply};
