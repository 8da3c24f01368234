// llm_int8, AVX-512: the operations of serial.cc, 16 at a time. A 64-byte line of codes holds one column of 16 weight rows, a byte of each
// lane; it is dequantized once for kRows rows of x.
#include <immintrin.h>

#include "linear/llm_int8/codec.h"
#include "linear/load_params.h"

namespace {

inline __mmask16 first_lanes(int64_t count) {
  return count >= 16 ? __mmask16(0xffff) : count <= 0 ? __mmask16(0) : __mmask16((1u << count) - 1);
}
inline __m512i magnitude(__m512 x_f32x16) { return _mm512_and_si512(_mm512_castps_si512(x_f32x16), _mm512_set1_epi32(0x7fffffff)); }

void column_most(const float* x, int64_t ldx, int64_t m, int64_t begin, int64_t end, uint32_t* most) {
  for (int64_t k = begin; k < end; k += 16) {
    const __mmask16 mask = first_lanes(end - k);
    __m512i most_u32x16 = _mm512_setzero_si512();
    for (int64_t i = 0; i < m; ++i) most_u32x16 = _mm512_max_epu32(most_u32x16, magnitude(_mm512_maskz_loadu_ps(mask, x + i * ldx + k)));
    _mm512_mask_storeu_epi32(most + k, mask, most_u32x16);
  }
}

void quantize(const float* x, int64_t cols, uint32_t limit, int8_t* q, float* scale, int32_t* sum) {
  const __m512i limit_u32x16 = _mm512_set1_epi32(int32_t(limit));
  __m512i most_u32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __m512i bits_u32x16 = magnitude(_mm512_maskz_loadu_ps(first_lanes(cols - k), x + k));
    most_u32x16 = _mm512_mask_max_epu32(most_u32x16, _mm512_cmplt_epu32_mask(bits_u32x16, limit_u32x16), most_u32x16, bits_u32x16);
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 127.0f / most;
  uint32_t inverse_bits;
  __builtin_memcpy(&inverse_bits, &inverse, 4);
  *scale = most / 127.0f;
  const bool usable = most_bits < 0x7f800000u && inverse_bits < 0x7f800000u;
  __m512i sum_i32x16 = _mm512_setzero_si512();
  for (int64_t k = 0; k < cols; k += 16) {
    const __mmask16 mask = first_lanes(cols - k);
    __m512i q_i32x16 = _mm512_setzero_si512();
    if (usable) {
      const __m512 x_f32x16 = _mm512_maskz_loadu_ps(mask, x + k);
      const __mmask16 inside = _mm512_cmplt_epu32_mask(magnitude(x_f32x16), limit_u32x16);
      __m512 scaled_f32x16 = _mm512_mul_ps(x_f32x16, _mm512_set1_ps(inverse));
      scaled_f32x16 = _mm512_min_ps(_mm512_max_ps(scaled_f32x16, _mm512_set1_ps(-128.0f)), _mm512_set1_ps(127.0f));
      q_i32x16 = _mm512_maskz_cvtps_epi32(inside, scaled_f32x16);
    }
    sum_i32x16 = _mm512_add_epi32(sum_i32x16, q_i32x16);
    _mm512_mask_cvtepi32_storeu_epi8(q + k, mask, q_i32x16);
  }
  *sum = _mm512_reduce_add_epi32(sum_i32x16);
}

struct Tile {
  const uint8_t* codes;
  __m512i offset_i32x16;
  __m512 scale_f32x16, zero_f32x16;
  int64_t row;
  __mmask16 mask;
};

inline Tile tile_at(const qw_w8a8_weight* weight, int64_t tile) {
  return {weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES, _mm512_set1_epi32(weight->offset),
          load_params_f32x16(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS),
          load_params_f32x16(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS), tile * QW_W8A8_TILE_ROWS,
          first_lanes(weight->base.rows - tile * QW_W8A8_TILE_ROWS)};
}

// 16 rows of column k.
inline __m512 column_of(const Tile& tile, int64_t k) {
  const __m512i line_u8x64 = _mm512_load_si512(tile.codes + k / 4 * QW_W8A8_QUAD_BYTES);
  const __m512i byte_u32x16 = _mm512_srlv_epi32(line_u8x64, _mm512_set1_epi32(int32_t(k % 4 * 8)));
  const __m512i code_u32x16 = _mm512_and_si512(byte_u32x16, _mm512_set1_epi32(255));
  const __m512 code_f32x16 = _mm512_cvtepi32_ps(_mm512_sub_epi32(code_u32x16, tile.offset_i32x16));
  return _mm512_mul_ps(_mm512_sub_ps(code_f32x16, tile.zero_f32x16), tile.scale_f32x16);
}

template <int kRows>
void add_block(const Tile& tile, const float* x, int64_t ldx, const qw_llm_int8_columns& columns, float* y, int64_t ldy) {
  __m512 acc_f32x16[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) acc_f32x16[i] = _mm512_maskz_loadu_ps(tile.mask, y + i * ldy + tile.row);
  for (int64_t at = 0; at < columns.count; ++at) {
    const int64_t k = columns.of_weight[at], place = columns.of_x[at];
    const __m512 w_f32x16 = column_of(tile, k);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) acc_f32x16[i] = _mm512_fmadd_ps(_mm512_set1_ps(x[i * ldx + place]), w_f32x16, acc_f32x16[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) _mm512_mask_storeu_ps(y + i * ldy + tile.row, tile.mask, acc_f32x16[i]);
}

void add_columns(const qw_w8a8_weight* weight, const float* x, int64_t ldx, int64_t m, const qw_llm_int8_columns* columns, float* y,
                 int64_t ldy, int64_t tile_begin, int64_t tile_end) {
  for (int64_t t = tile_begin; t < tile_end; ++t) {
    const Tile tile = tile_at(weight, t);
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) add_block<8>(tile, x + i * ldx, ldx, *columns, y + i * ldy, ldy);
    for (; i < m; ++i) add_block<1>(tile, x + i * ldx, ldx, *columns, y + i * ldy, ldy);
  }
}

}  // namespace

const qw_llm_int8_kernels qw_llm_int8_avx512 = {column_most, quantize, add_columns};
