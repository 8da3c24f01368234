// w8a8, AVX-512 without VNNI: as avx2.cc, 512 bits at a time. Split blocks take 3 instructions per 64 products and row of x, wide ones 4 and an
// unpacking that all rows share.
#include "linear/w8a8/avx512.h"

namespace {

// The same 4 bytes in every lane.
inline __m512i load_pair(const void* at) {
  int32_t pair;
  __builtin_memcpy(&pair, at, 4);
  return _mm512_set1_epi32(pair);
}

// acc += the sums of two products each.
inline __m512i add_sums(__m512i acc_i32x16, __m512i codes_u8x64, __m512i x_i8x64) {
  return _mm512_add_epi32(acc_i32x16, _mm512_madd_epi16(_mm512_maddubs_epi16(codes_u8x64, x_i8x64), _mm512_set1_epi16(1)));
}

template <int kRows>
void multiply_split(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int8_t* values = static_cast<const int8_t*>(x->values);
  __m512i acc_i32x16[kRows];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) acc_i32x16[i] = _mm512_setzero_si512();
  const uint8_t* at = codes;
  for (int64_t quad = 0; quad < weight->quads; ++quad, at += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    if (kRows == 1) _mm_prefetch(reinterpret_cast<const char*>(at) + 2048, _MM_HINT_T0);
    const __m512i codes_u8x64 = _mm512_load_si512(at);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) acc_i32x16[i] = add_sums(acc_i32x16[i], codes_u8x64, load_pair(values + i * 4));
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  __m512i done_i32x16[kRows];
#pragma GCC unroll 12
  for (int i = 0; i < kRows; ++i) done_i32x16[i] = acc_i32x16[i];
  const TileParams params(weight, tile, x, bias);
  for (int i = 0; i < kRows; ++i, values += weight->quads * 4) {
    const int32_t* halves = reinterpret_cast<const int32_t*>(values);
    __m512i sum_i32x16 = done_i32x16[i];
    for (int32_t half = 0; half < halves[0]; ++half) {
      const __m512i codes_u8x64 = _mm512_load_si512(codes + int64_t(halves[1 + 2 * half]) * QW_W8A8_QUAD_BYTES);
      sum_i32x16 = add_sums(sum_i32x16, codes_u8x64, _mm512_set1_epi32(halves[2 + 2 * half]));
    }
    store_tile(params, sum_i32x16, x, i, y + i * ldy);
  }
}

template <int kRows>
void multiply_wide(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
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
  const TileParams params(weight, tile, x, bias);
  for (int i = 0; i < kRows; ++i) store_tile(params, done_i32x16[i], x, i, y + i * ldy);
}

using Multiply = void (*)(const qw_w8a8_weight*, const qw_w8a8_block*, const float*, float*, int64_t, int64_t);
#define QW_BOTH(rows) {multiply_split<rows>, multiply_wide<rows>}
constexpr Multiply kByHeight[13][2] = {{nullptr, nullptr}, QW_BOTH(1), QW_BOTH(2), QW_BOTH(3), QW_BOTH(4),  QW_BOTH(5), QW_BOTH(6),
                                       QW_BOTH(7),         QW_BOTH(8), QW_BOTH(9), QW_BOTH(10), QW_BOTH(11), QW_BOTH(12)};
#undef QW_BOTH

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  const Multiply multiply_block = kByHeight[x->height][x->order == QW_W8A8_SPLIT ? 0 : 1];
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) multiply_block(weight, x, bias, y, ldy, tile);
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_avx512 = {12, QW_W8A8_SPLIT, multiply};
