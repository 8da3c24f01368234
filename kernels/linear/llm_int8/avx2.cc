// llm_int8, AVX2: the operations of serial.cc, 8 at a time. Half a 64-byte line of codes holds one column of 8 weight rows, a byte of each
// lane; it is dequantized once for kRows rows of x.
#include <immintrin.h>

#include "linear/llm_int8/codec.h"
#include "linear/load_params.h"

namespace {

inline uint32_t float_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

inline __m256i magnitude(__m256 x_f32x8) { return _mm256_and_si256(_mm256_castps_si256(x_f32x8), _mm256_set1_epi32(0x7fffffff)); }

void column_most(const float* x, int64_t ldx, int64_t m, int64_t begin, int64_t end, uint32_t* most) {
  int64_t k = begin;
  for (; k + 8 <= end; k += 8) {
    __m256i most_u32x8 = _mm256_setzero_si256();
    for (int64_t i = 0; i < m; ++i) most_u32x8 = _mm256_max_epu32(most_u32x8, magnitude(_mm256_loadu_ps(x + i * ldx + k)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(most + k), most_u32x8);
  }
  for (; k < end; ++k) {
    most[k] = 0;
    for (int64_t i = 0; i < m; ++i) {
      const uint32_t bits = float_bits(x[i * ldx + k]) & 0x7fffffffu;
      most[k] = bits > most[k] ? bits : most[k];
    }
  }
}

// All ones where an element is an outlier. Magnitudes are below 2^31 and limits at most that, so signed comparison does.
inline __m256i outside(__m256i bits_u32x8, uint32_t limit) { return _mm256_cmpgt_epi32(bits_u32x8, _mm256_set1_epi32(int32_t(limit - 1))); }

// cvtps_epi32 rounds half to even, as nearbyint does.
inline int round_clamped(float scaled) {
  return _mm_cvtss_si32(_mm_min_ss(_mm_max_ss(_mm_set_ss(scaled), _mm_set_ss(-128.0f)), _mm_set_ss(127.0f)));
}

void quantize(const float* x, int64_t cols, uint32_t limit, int8_t* q, float* scale, int32_t* sum) {
  __m256i most_u32x8 = _mm256_setzero_si256();
  uint32_t most_bits = 0;
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    const __m256i bits_u32x8 = magnitude(_mm256_loadu_ps(x + k));
    most_u32x8 = _mm256_max_epu32(most_u32x8, _mm256_andnot_si256(outside(bits_u32x8, limit), bits_u32x8));
  }
  for (; k < cols; ++k) {
    const uint32_t bits = float_bits(x[k]) & 0x7fffffffu;
    most_bits = bits < limit && bits > most_bits ? bits : most_bits;
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most_u32x8);
  for (uint32_t lane : lanes) most_bits = lane > most_bits ? lane : most_bits;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 127.0f / most;
  *scale = most / 127.0f;
  *sum = 0;
  if (most_bits >= 0x7f800000u || float_bits(inverse) >= 0x7f800000u) {
    __builtin_memset(q, 0, size_t(cols));
    return;
  }
  __m256i sum_i32x8 = _mm256_setzero_si256();
  for (k = 0; k + 8 <= cols; k += 8) {
    const __m256 x_f32x8 = _mm256_loadu_ps(x + k);
    __m256 scaled_f32x8 = _mm256_mul_ps(x_f32x8, _mm256_set1_ps(inverse));
    scaled_f32x8 = _mm256_min_ps(_mm256_max_ps(scaled_f32x8, _mm256_set1_ps(-128.0f)), _mm256_set1_ps(127.0f));
    const __m256i q_i32x8 = _mm256_andnot_si256(outside(magnitude(x_f32x8), limit), _mm256_cvtps_epi32(scaled_f32x8));
    sum_i32x8 = _mm256_add_epi32(sum_i32x8, q_i32x8);
    const __m128i q_i16x8 = _mm_packs_epi32(_mm256_castsi256_si128(q_i32x8), _mm256_extracti128_si256(q_i32x8, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(q + k), _mm_packs_epi16(q_i16x8, q_i16x8));
  }
  alignas(32) int32_t sums[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum_i32x8);
  for (int32_t lane : sums) *sum += lane;
  for (; k < cols; ++k) {
    q[k] = (float_bits(x[k]) & 0x7fffffffu) < limit ? int8_t(round_clamped(x[k] * inverse)) : int8_t(0);
    *sum += q[k];
  }
}

// 8 weight rows.
struct Half {
  const uint8_t* codes;
  __m256i offset_i32x8;
  __m256 scale_f32x8, zero_f32x8;
  __m256i mask;  // of rows that there are
};

inline Half half_at(const qw_w8a8_weight* weight, int64_t row) {
  const int64_t tile = row / QW_W8A8_TILE_ROWS, lane = row % QW_W8A8_TILE_ROWS, params = tile * 2 * QW_W8A8_TILE_ROWS + lane;
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int64_t left = weight->base.rows - row;
  return {weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES + lane * 4, _mm256_set1_epi32(weight->offset),
          load_params_f32x8(weight->scale_type, weight->params, params),
          load_params_f32x8(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS),
          _mm256_cmpgt_epi32(_mm256_set1_epi32(int32_t(left < 8 ? left : 8)), index)};
}

inline __m256 column_of(const Half& half, int64_t k) {
  const __m256i line_u8x32 = _mm256_load_si256(reinterpret_cast<const __m256i*>(half.codes + k / 4 * QW_W8A8_QUAD_BYTES));
  const __m256i code_u32x8 = _mm256_and_si256(_mm256_srlv_epi32(line_u8x32, _mm256_set1_epi32(int32_t(k % 4 * 8))), _mm256_set1_epi32(255));
  const __m256 code_f32x8 = _mm256_cvtepi32_ps(_mm256_sub_epi32(code_u32x8, half.offset_i32x8));
  return _mm256_mul_ps(_mm256_sub_ps(code_f32x8, half.zero_f32x8), half.scale_f32x8);
}

template <int kRows>
void add_block(const Half& half, const float* x, int64_t ldx, const qw_llm_int8_columns& columns, float* y, int64_t ldy) {
  __m256 acc_f32x8[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) acc_f32x8[i] = _mm256_maskload_ps(y + i * ldy, half.mask);
  for (int64_t at = 0; at < columns.count; ++at) {
    const int64_t k = columns.of_weight[at], place = columns.of_x[at];
    const __m256 w_f32x8 = column_of(half, k);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) acc_f32x8[i] = _mm256_fmadd_ps(_mm256_set1_ps(x[i * ldx + place]), w_f32x8, acc_f32x8[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) _mm256_maskstore_ps(y + i * ldy, half.mask, acc_f32x8[i]);
}

void add_columns(const qw_w8a8_weight* weight, const float* x, int64_t ldx, int64_t m, const qw_llm_int8_columns* columns, float* y,
                 int64_t ldy, int64_t tile_begin, int64_t tile_end) {
  for (int64_t row = tile_begin * QW_W8A8_TILE_ROWS; row < tile_end * QW_W8A8_TILE_ROWS && row < weight->base.rows; row += 8) {
    const Half half = half_at(weight, row);
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) add_block<8>(half, x + i * ldx, ldx, *columns, y + i * ldy + row, ldy);
    for (; i < m; ++i) add_block<1>(half, x + i * ldx, ldx, *columns, y + i * ldy + row, ldy);
  }
}

}  // namespace

const qw_llm_int8_kernels qw_llm_int8_avx2 = {column_most, quantize, add_columns};
