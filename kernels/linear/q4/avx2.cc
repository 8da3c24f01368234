// q4, AVX2. Panels widen by shift, mask and convert. Streaming uses fixed-point activations (grouped/fixed_point.h): pmaddubsw multiplies
// 32 codes with a digit; two products of at most 15 * 128 stay far from saturation, and eight of its sums fit 16 bits before they must be
// widened. Per block and row of x: 6 instructions of unpacking, 12 pmaddubsw, 12 adds and a share of 12 to widen, about 12 cycles for 64
// bytes; f32 arithmetic takes 23.
#include "linear/grouped/avx2.h"
#include "linear/grouped/fixed_point.h"
#include "linear/q4/codec.h"

namespace {

struct Nibbles {
  static constexpr int kColumns = 8;
  static __m256 widen(__m256i bytes, int j) {
    const __m256i shifted = _mm256_srli_epi32(bytes, j < 4 ? 8 * j : 8 * (j - 4) + 4);
    return _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(15)));
  }
};

// Blocks whose 16-bit sums cannot overflow: 4 * 2 * (2 * 15 * 128) = 30720.
constexpr int64_t kBlocksPerFlush = 4;

// Groups are whole blocks, so whole vectors of 8.
void split_group(const float* values, int64_t begin, int64_t end, int32_t* digits, int64_t stride, float* unit, float* sum) {
  __m256i most_u32x8 = _mm256_setzero_si256();
  for (int64_t k = begin; k < end; k += 8) {
    const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(values + k));
    most_u32x8 = _mm256_max_epu32(most_u32x8, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most_u32x8);
  uint32_t most_bits = 0;
  for (uint32_t lane : lanes) most_bits = lane > most_bits ? lane : most_bits;
  const bool finite = most_bits < 0x7f800000u;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float scale = !finite || most_bits == 0 ? 0.0f : qw_fixed_point_scale(most);
  const __m256i low_bytes = _mm256_set1_epi32(0x0c080400);  // byte 0 of each lane of a half, to its lowest lane
  __m256d sum_f64x4 = _mm256_setzero_pd();                  // exact: integers below 2^39
  for (int64_t k = begin; k < end; k += 8) {
    __m256i fixed_i32x8 = _mm256_setzero_si256();
    if (finite) fixed_i32x8 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(values + k), _mm256_set1_ps(scale)));
    sum_f64x4 = _mm256_add_pd(sum_f64x4, _mm256_add_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(fixed_i32x8)),
                                                       _mm256_cvtepi32_pd(_mm256_extracti128_si256(fixed_i32x8, 1))));
    for (int digit = 2; digit >= 0; --digit) {  // lowest first: its sign is carried into the next
      const __m256i quads = _mm256_shuffle_epi8(fixed_i32x8, low_bytes);
      digits[k / 4 * stride + digit] = _mm256_extract_epi32(quads, 0);
      digits[(k / 4 + 1) * stride + digit] = _mm256_extract_epi32(quads, 4);
      const __m256i signed_i32x8 = _mm256_srai_epi32(_mm256_slli_epi32(fixed_i32x8, 24), 24);
      fixed_i32x8 = _mm256_srai_epi32(_mm256_sub_epi32(fixed_i32x8, signed_i32x8), 8);
    }
  }
  alignas(32) double sums[4];
  _mm256_store_pd(sums, sum_f64x4);
  *unit = !finite ? __builtin_nanf("") : most_bits == 0 ? 0.0f : 1.0f / scale;
  *sum = float((sums[0] + sums[1] + sums[2] + sums[3]) * double(*unit));
}

void split_digits(const qw_grouped* weight, const qw_grouped_x* x, int m) {
  for (int i = 0; i < m; ++i) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      const int64_t at = i * weight->groups + group;
      split_group(x->values + i * x->ld, weight->group_begin[group] * 8, weight->group_begin[group + 1] * 8, x->digits + i * 3, 3 * m,
                  x->units + at, x->sums + at);
    }
  }
}

// One tile, one row of x; digits at that row, `stride` digits from quad to quad.
void stream_digits_tile(const qw_grouped* weight, const int32_t* digits, int64_t stride, const float* units, const float* sums,
                        const float* bias, float* y, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->blocks * QW_BLOCK_BYTES;
  const __m256i nibble_u8x32 = _mm256_set1_epi8(15), one_i16x16 = _mm256_set1_epi16(1);
  __m256 total_f32x8[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m256i sum_i32x8[2][3];
#pragma GCC unroll 3
    for (int digit = 0; digit < 3; ++digit) sum_i32x8[0][digit] = sum_i32x8[1][digit] = _mm256_setzero_si256();
    const int64_t end = weight->group_begin[group + 1];
    for (int64_t b = weight->group_begin[group]; b < end;) {
      const int64_t flush = end - b < kBlocksPerFlush ? end : b + kBlocksPerFlush;
      __m256i sum_i16x16[2][3];
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) sum_i16x16[0][digit] = sum_i16x16[1][digit] = _mm256_setzero_si256();
      for (; b < flush; ++b) {
        const uint8_t* block = codes + b * QW_BLOCK_BYTES;
        const int32_t* low_digits = digits + 2 * b * stride;
        const int32_t* high_digits = low_digits + stride;
        _mm_prefetch(reinterpret_cast<const char*>(block) + 2048, _MM_HINT_T0);
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(block) + half);
          const __m256i low_u8x32 = _mm256_and_si256(bytes, nibble_u8x32);
          const __m256i high_u8x32 = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble_u8x32);
#pragma GCC unroll 3
          for (int digit = 0; digit < 3; ++digit) {
            const __m256i low_i16x16 = _mm256_maddubs_epi16(low_u8x32, _mm256_set1_epi32(low_digits[digit]));
            const __m256i high_i16x16 = _mm256_maddubs_epi16(high_u8x32, _mm256_set1_epi32(high_digits[digit]));
            sum_i16x16[half][digit] = _mm256_add_epi16(sum_i16x16[half][digit], _mm256_add_epi16(low_i16x16, high_i16x16));
          }
        }
      }
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) {
          sum_i32x8[half][digit] = _mm256_add_epi32(sum_i32x8[half][digit], _mm256_madd_epi16(sum_i16x16[half][digit], one_i16x16));
        }
      }
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int64_t params = (tile * weight->groups + group) * 2 * QW_TILE_ROWS + half * 8;
      const __m256 scale_f32x8 = load_params_f32x8(weight->scale_type, weight->params, params);
      const __m256 zero_f32x8 = _mm256_add_ps(load_params_f32x8(weight->scale_type, weight->params, params + QW_TILE_ROWS),
                                              _mm256_set1_ps(weight->offset));
      __m256 sum_f32x8 = _mm256_setzero_ps();
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        sum_f32x8 = _mm256_fmadd_ps(sum_f32x8, _mm256_set1_ps(256.0f), _mm256_cvtepi32_ps(sum_i32x8[half][digit]));
      }
      sum_f32x8 = _mm256_mul_ps(sum_f32x8, _mm256_set1_ps(units[group]));
      sum_f32x8 = _mm256_fnmadd_ps(zero_f32x8, _mm256_set1_ps(sums[group]), sum_f32x8);
      total_f32x8[half] = _mm256_fmadd_ps(scale_f32x8, sum_f32x8, total_f32x8[half]);
    }
  }
  store_tile(weight, tile * QW_TILE_ROWS, total_f32x8[0], bias, y);
  store_tile(weight, tile * QW_TILE_ROWS + 8, total_f32x8[1], bias, y);
}

// Row by row of x over one tile, which stays in the cache.
void stream_digits(const qw_grouped* weight, const qw_grouped_x* x, int, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                   int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int i = 0; i < m; ++i) {
      stream_digits_tile(weight, x->digits + i * 3, 3 * m, x->units + i * weight->groups, x->sums + i * weight->groups, bias, y + i * ldy,
                         tile);
    }
  }
}

}  // namespace

const qw_grouped_kernels qw_q4_avx2 = {QW_GEMV_MOST_ROWS, split_digits, stream_digits, fill_panel<Nibbles>, fill_panel16<4>};
