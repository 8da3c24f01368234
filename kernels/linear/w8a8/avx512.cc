// w8a8, AVX-512 without VNNI. Codes widen to 16 bits (even bytes by mask, odd bytes by shift) and pmaddwd adds pairs of products in int32:
// exact, where the 8-bit pmaddubsw would saturate. 4 instructions per 64 products and row of x, unpacking shared.
#include "linear/w8a8/avx512.h"

namespace {

inline __m512i load_pair(const int16_t* at) {
  int32_t pair;
  __builtin_memcpy(&pair, at, 4);
  return _mm512_set1_epi32(pair);
}

// kRows rows of x, one tile.
template <int kRows>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int16_t* values = static_cast<const int16_t*>(x->values);
  __m512i acc_i32x16[kRows];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) acc_i32x16[i] = _mm512_setzero_si512();
  for (int64_t quad = 0; quad < weight->quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    if (kRows == 1) _mm_prefetch(reinterpret_cast<const char*>(codes) + 2048, _MM_HINT_T0);
    const __m512i bytes = _mm512_load_si512(codes);
    const __m512i even_i16x32 = _mm512_and_si512(bytes, _mm512_set1_epi16(255)), odd_i16x32 = _mm512_srli_epi16(bytes, 8);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const __m512i pairs_i32x16 = _mm512_add_epi32(_mm512_madd_epi16(even_i16x32, load_pair(values + i * 4)),
                                                    _mm512_madd_epi16(odd_i16x32, load_pair(values + i * 4 + 2)));
      acc_i32x16[i] = _mm512_add_epi32(acc_i32x16[i], pairs_i32x16);
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  __m512i done_i32x16[kRows];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) done_i32x16[i] = acc_i32x16[i];
  for (int i = 0; i < kRows; ++i) store_tile(weight, tile, done_i32x16[i], x, i, bias, y + i * ldy);
}

using Multiply = void (*)(const qw_w8a8_weight*, const qw_w8a8_block*, const float*, float*, int64_t, int64_t);
constexpr Multiply kByHeight[13] = {nullptr,           multiply_block<1>, multiply_block<2>, multiply_block<3>,  multiply_block<4>,
                                    multiply_block<5>, multiply_block<6>, multiply_block<7>, multiply_block<8>,  multiply_block<9>,
                                    multiply_block<10>, multiply_block<11>, multiply_block<12>};

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) kByHeight[x->height](weight, x, bias, y, ldy, tile);
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_avx512 = {12, QW_W8A8_WIDE, multiply};
