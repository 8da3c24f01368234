// w8a8, AVX-VNNI: dpbusd on 256 bits, 32 products of unsigned weights and signed activations at once, wrapping (never saturating) in int32.
// 6 rows of x: 12 accumulators + 2 weight vectors + 1 broadcast = 15 of 16 registers; 12 dpbusd (6 cycles) beside 8 loads a quad of columns.
#include "linear/vnni.h"
#include "linear/w8a8/avx2.h"

namespace {

// The sums of kRows rows of x and one tile. Not inlined: beside the epilogue, GCC 12 would keep the accumulators in memory.
template <int kRows>
__attribute__((noinline)) void add_up(const uint8_t* codes, const int8_t* values, int64_t quads, int32_t (*sums)[QW_W8A8_TILE_ROWS]) {
  __m256i acc_i32x8[kRows][2];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) acc_i32x8[i][0] = acc_i32x8[i][1] = _mm256_setzero_si256();
  for (int64_t quad = 0; quad < quads; ++quad, codes += QW_W8A8_QUAD_BYTES, values += kRows * 4) {
    if (kRows == 1) _mm_prefetch(reinterpret_cast<const char*>(codes) + 2048, _MM_HINT_T0);
    const __m256i low_u8x32 = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes));
    const __m256i high_u8x32 = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes) + 1);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const __m256i x_i8x32 = broadcast_quad(values + i * 4);
      add_products(acc_i32x8[i][0], low_u8x32, x_i8x32);
      add_products(acc_i32x8[i][1], high_u8x32, x_i8x32);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums[i]), acc_i32x8[i][0]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums[i]) + 1, acc_i32x8[i][1]);
  }
}

template <int kRows>
void multiply_block(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile) {
  alignas(32) int32_t sums[kRows][QW_W8A8_TILE_ROWS];
  const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES;
  add_up<kRows>(codes, static_cast<const int8_t*>(x->values), weight->quads, sums);
  for (int half = 0; half < 2; ++half) {
    const HalfParams params(weight, tile, half, x, bias);
    for (int i = 0; i < kRows; ++i) {
      store_half(params, _mm256_load_si256(reinterpret_cast<const __m256i*>(sums[i]) + half), x, i, y + i * ldy);
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

const qw_w8a8_kernels qw_w8a8_avxvnni = {6, QW_W8A8_QUADS, multiply};
