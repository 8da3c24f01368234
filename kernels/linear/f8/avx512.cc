// f8, AVX-512.
//
// Streaming (m <= 4): 4 weight rows x m rows of x, vectors along the columns. Per 16 weights: a widening load (p5), a shift (p0), for e4m3 a
// mask, vcvtph2ps (p0, p5) and m FMAs: about 3 cycles, 5 bytes a cycle. The factor 2^8 of e4m3 goes into the scale. Its NaN bytes are not
// looked for weight by weight: whether a row holds one is gathered 64 bytes at a time, and such a row is NaN for every x.
// The next 4 rows are prefetched meanwhile: the hardware's prefetcher stops at every page, which is one or two rows.
// Filling a panel: 16 x 16 transposes.
#include <immintrin.h>

#include "linear/f8/codec.h"
#include "linear/transpose.h"

namespace {

// e4m3: the value times 2^-8 but for NaN bytes, which become 1.875.
template <qw_f8_type kType>
__m512 widen(__m128i bytes) {
  if (kType == QW_F8_E5M2) return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 8));
  // Sign extension and a shift: s s eeee mmm 0000000; the second copy of the sign is the upper bit of the exponent and is cleared.
  const __m256i half = _mm256_and_si256(_mm256_slli_epi16(_mm256_cvtepi8_epi16(bytes), 7), _mm256_set1_epi16(int16_t(0xbfff)));
  return _mm512_cvtph_ps(half);
}

inline __m128i load(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
inline __m128i load(const uint8_t* at, int64_t count) { return _mm_maskz_loadu_epi8(__mmask16((1u << count) - 1), at); }

inline __mmask64 nan_bytes(__m512i bytes_u8x64) {
  const __m512i most_u8x64 = _mm512_set1_epi8(0x7f);
  return _mm512_cmpeq_epi8_mask(_mm512_and_si512(bytes_u8x64, most_u8x64), most_u8x64);
}

inline bool has_nan(const uint8_t* row, int64_t cols) {
  __mmask64 seen = 0;
  int64_t k = 0;
  for (; k + 64 <= cols; k += 64) seen |= nan_bytes(_mm512_loadu_si512(row + k));
  if (k < cols) seen |= nan_bytes(_mm512_maskz_loadu_epi8((__mmask64(1) << (cols - k)) - 1, row + k));
  return seen != 0;
}

template <qw_f8_type kType, int kRows, int kM>
void stream_rows(const qw_f8_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  const int64_t cols = weight->base.cols;
  const uint8_t* w = weight->data + row * cols;
  const float factor = kType == QW_F8_E4M3 ? 256.0f : 1.0f;
  __m512 total_f32x16[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) total_f32x16[r][i] = _mm512_setzero_ps();
  }
  for (int64_t tile = 0, k = 0; tile < weight->scales; ++tile) {
    const int64_t end = cols - k < weight->scale_cols ? cols : k + weight->scale_cols;
    __m512 sum_f32x16[kRows][kM];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) sum_f32x16[r][i] = _mm512_setzero_ps();
    }
    for (; k + 16 <= end; k += 16) {
      __m512 x_f32x16[kM];
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) x_f32x16[i] = _mm512_loadu_ps(x + i * ldx + k);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m512 w_f32x16 = widen<kType>(load(w + r * cols + k));
        _mm_prefetch(reinterpret_cast<const char*>(w + (r + kRows) * cols + k), _MM_HINT_T0);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) sum_f32x16[r][i] = _mm512_fmadd_ps(w_f32x16, x_f32x16[i], sum_f32x16[r][i]);
      }
    }
    if (k < end) {
      const __mmask16 mask = __mmask16((1u << (end - k)) - 1);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m512 w_f32x16 = widen<kType>(load(w + r * cols + k, end - k));
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) {
          sum_f32x16[r][i] = _mm512_fmadd_ps(w_f32x16, _mm512_maskz_loadu_ps(mask, x + i * ldx + k), sum_f32x16[r][i]);
        }
      }
      k = end;
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m512 scale_f32x16 = _mm512_set1_ps(qw_f8_row_scales(weight, row + r)[tile] * factor);
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) total_f32x16[r][i] = _mm512_fmadd_ps(scale_f32x16, sum_f32x16[r][i], total_f32x16[r][i]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const bool nan = kType == QW_F8_E4M3 && has_nan(w + r * cols, cols);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      const float sum = _mm512_reduce_add_ps(total_f32x16[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
      y[i * ldy + row + r] = nan ? __builtin_nanf("") : sum;
    }
  }
}

template <qw_f8_type kType, int kM>
void stream_m(const qw_f8_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end) {
  int64_t row = begin;
  for (; row + 4 <= end; row += 4) stream_rows<kType, 4, kM>(weight, x, ldx, bias, y, ldy, row);
  for (; row < end; ++row) stream_rows<kType, 1, kM>(weight, x, ldx, bias, y, ldy, row);
}

template <qw_f8_type kType>
void stream_type(const qw_f8_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end) {
  if (m == 1) stream_m<kType, 1>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 2) stream_m<kType, 2>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 3) stream_m<kType, 3>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 4) stream_m<kType, 4>(weight, x, ldx, bias, y, ldy, begin, end);
}

void stream(const qw_f8_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  if (weight->type == QW_F8_E4M3) stream_type<QW_F8_E4M3>(weight, x, ldx, m, bias, y, ldy, begin, end);
  if (weight->type == QW_F8_E5M2) stream_type<QW_F8_E5M2>(weight, x, ldx, m, bias, y, ldy, begin, end);
}

// 16 weights of one row from column k on, scaled; `count` of them, zeros after. `scales` of the row.
template <qw_f8_type kType>
__m512 scaled(const qw_f8_weight* weight, const uint8_t* at, const float* scales, int64_t k, int64_t count) {
  const __m128i bytes = count == 16 ? load(at) : load(at, count);
  __m512 w_f32x16 = widen<kType>(bytes);
  if (kType == QW_F8_E4M3) {
    const __m128i most_u8x16 = _mm_set1_epi8(0x7f);
    const __mmask16 nan = _mm_cmpeq_epi8_mask(_mm_and_si128(bytes, most_u8x16), most_u8x16);
    w_f32x16 = _mm512_mask_mov_ps(_mm512_mul_ps(w_f32x16, _mm512_set1_ps(256.0f)), nan, _mm512_set1_ps(__builtin_nanf("")));
  }
  const int64_t first = k / weight->scale_cols;
  if (k + count <= (first + 1) * weight->scale_cols) return _mm512_mul_ps(w_f32x16, _mm512_set1_ps(scales[first]));
  alignas(64) float lanes[16] = {};
  for (int64_t c = 0; c < count; ++c) lanes[c] = scales[(k + c) / weight->scale_cols];
  return _mm512_mul_ps(w_f32x16, _mm512_load_ps(lanes));
}

template <qw_f8_type kType>
void fill_type(const qw_f8_weight* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  const int64_t cols = weight->base.cols;
  for (int half = 0; half < 2; ++half) {
    const int64_t first = row + half * 16, valid = weight->base.rows - first;
    for (int64_t k = 0; k < count; k += 16) {
      const int64_t columns = count - k < 16 ? count - k : 16;
      __m512 tile_f32x16[16];
      for (int r = 0; r < 16; ++r) {
        tile_f32x16[r] = r >= valid ? _mm512_setzero_ps()
                                    : scaled<kType>(weight, weight->data + (first + r) * cols + column + k,
                                                    qw_f8_row_scales(weight, first + r), column + k, columns);
      }
      transpose(tile_f32x16);
      float* out = panel + k * 32 + half * 16;
      for (int c = 0; c < columns; ++c) _mm512_store_ps(out + c * 32, tile_f32x16[c]);
    }
  }
}

void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_f8_weight* weight = static_cast<const qw_f8_weight*>(base);
  if (weight->type == QW_F8_E4M3) fill_type<QW_F8_E4M3>(weight, row, column, count, panel);
  if (weight->type == QW_F8_E5M2) fill_type<QW_F8_E5M2>(weight, row, column, count, panel);
}

}  // namespace

const qw_f8_kernels qw_f8_avx512 = {stream, fill};
