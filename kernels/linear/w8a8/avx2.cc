// w8a8, AVX2. pmaddubsw adds two products in 16 bits, where 255 * 127 * 2 would saturate: blocks are split so that it never does (codec.h), and
// pmaddwd with ones adds pairs of sums in int32. 3 instructions per 32 products and row of x, where f32 takes 4. A half that was split off costs its
// row another quad. Blocks with many of them are wide: codes widen to 16 bits (even bytes by mask, odd bytes by shift) and pmaddwd multiplies:
// 4 instructions per 32 products, 4 rows of x share the unpacking.
#include "linear/w8a8/avx2.h"

namespace {

inline __m256i load_pair(const int16_t* at) {
  int32_t pair;
  __builtin_memcpy(&pair, at, 4);
  return _mm256_set1_epi32(pair);
}

// acc += the sums of two products each, of one half of a tile.
inline __m256i add_sums(__m256i acc_i32x8, __m256i codes_u8x32, __m256i x_i8x32) {
  return _mm256_add_epi32(acc_i32x8, _mm256_madd_epi16(_mm256_maddubs_epi16(codes_u8x32, x_i8x32), _mm256_set1_epi16(1)));
}

inline __m256i broadcast_quad(const void* at) {
  int32_t quad;
  __builtin_memcpy(&quad, at, 4);
  return _mm256_set1_epi32(quad);
}

template <int kRows>
void multiply_split(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  const int8_t* values = static_cast<const int8_t*>(x->values);
  __m256i acc_i32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) acc_i32x8[i][0] = acc_i32x8[i][1] = _mm256_setzero_si256();
  const uint8_t* at = codes;
  for (int64_t quad = 0; quad < weight->quads; ++quad, at += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    const __m256i low_u8x32 = _mm256_load_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i high_u8x32 = _mm256_load_si256(reinterpret_cast<const __m256i*>(at) + 1);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const __m256i x_i8x32 = broadcast_quad(values + i * 4);
      acc_i32x8[i][0] = add_sums(acc_i32x8[i][0], low_u8x32, x_i8x32);
      acc_i32x8[i][1] = add_sums(acc_i32x8[i][1], high_u8x32, x_i8x32);
    }
  }
  // Out of the registers first: an array that the epilogue indexes would be kept in memory throughout.
  __m256i done_i32x8[kRows][2];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) done_i32x8[i][0] = acc_i32x8[i][0], done_i32x8[i][1] = acc_i32x8[i][1];
  const HalfParams low(weight, tile, 0, x, bias), high(weight, tile, 1, x, bias);
  for (int i = 0; i < kRows; ++i, values += weight->quads * 4) {
    const int32_t* halves = reinterpret_cast<const int32_t*>(values);
    __m256i low_i32x8 = done_i32x8[i][0], high_i32x8 = done_i32x8[i][1];
    for (int32_t half = 0; half < halves[0]; ++half) {
      const __m256i* quad_u8x32 = reinterpret_cast<const __m256i*>(codes + int64_t(halves[1 + 2 * half]) * QW_W8A8_QUAD_BYTES);
      const __m256i x_i8x32 = _mm256_set1_epi32(halves[2 + 2 * half]);
      low_i32x8 = add_sums(low_i32x8, _mm256_load_si256(quad_u8x32), x_i8x32);
      high_i32x8 = add_sums(high_i32x8, _mm256_load_si256(quad_u8x32 + 1), x_i8x32);
    }
    store_half(low, low_i32x8, x, i, y + i * ldy);
    store_half(high, high_i32x8, x, i, y + i * ldy);
  }
}

template <int kRows>
void multiply_wide(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
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
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const HalfParams params(weight, tile, half, x, bias);
    for (int i = 0; i < kRows; ++i) store_half(params, done_i32x8[i][half], x, i, y + i * ldy);
  }
}

using Multiply = void (*)(const qw_w8a8_weight*, const qw_w8a8_block*, const float*, float*, int64_t, int64_t);
constexpr Multiply kSplit[5] = {nullptr, multiply_split<1>, multiply_split<2>, multiply_split<3>, multiply_split<4>};
constexpr Multiply kWide[5] = {nullptr, multiply_wide<1>, multiply_wide<2>, multiply_wide<3>, multiply_wide<4>};

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  const Multiply multiply_block = (x->order == QW_W8A8_SPLIT ? kSplit : kWide)[x->height];
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) multiply_block(weight, x, bias, y, ldy, tile);
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_avx2 = {4, QW_W8A8_SPLIT, multiply};
