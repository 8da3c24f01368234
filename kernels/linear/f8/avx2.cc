// f8, AVX2 + FMA + F16C.
//
// Streaming (m <= 4): 2 weight rows x m rows of x (4 rows at m = 1), vectors along the columns; at most 8 accumulators. Per 8 weights: a
// widening load, a shift, for e4m3 a mask, vcvtph2ps and m FMAs. The factor 2^8 of e4m3 goes into the scale; whether a row holds one of its
// NaN bytes is gathered 32 bytes at a time, and such a row is NaN for every x.
// Filling a panel: 8 x 8 transposes.
#include <immintrin.h>

#include "linear/f8/codec.h"
#include "linear/transpose.h"

namespace {

// 8 bytes. e4m3: the value times 2^-8 but for NaN bytes, which become 1.875.
template <qw_f8_type kType>
__m256 widen(__m128i bytes) {
  if (kType == QW_F8_E5M2) return _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(bytes), 8));
  // Sign extension and a shift: s s eeee mmm 0000000; the second copy of the sign is the upper bit of the exponent and is cleared.
  return _mm256_cvtph_ps(_mm_and_si128(_mm_slli_epi16(_mm_cvtepi8_epi16(bytes), 7), _mm_set1_epi16(int16_t(0xbfff))));
}

inline __m128i load(const uint8_t* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); }

// The first `count` < 8 bytes, zeros after them; never reads past them.
inline __m128i load(const uint8_t* at, int64_t count) {
  uint64_t bytes = 0;
  __builtin_memcpy(&bytes, at, size_t(count));
  return _mm_cvtsi64_si128(int64_t(bytes));
}

// The first `count` < 8 floats, zeros after them.
inline __m256 load_floats(const float* at, int64_t count) {
  alignas(32) float lanes[8] = {};
  __builtin_memcpy(lanes, at, size_t(count) * sizeof lanes[0]);
  return _mm256_load_ps(lanes);
}

inline bool has_nan(const uint8_t* row, int64_t cols) {
  const __m256i most_u8x32 = _mm256_set1_epi8(0x7f);
  __m256i seen = _mm256_setzero_si256();
  int64_t k = 0;
  for (; k + 32 <= cols; k += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + k));
    seen = _mm256_or_si256(seen, _mm256_cmpeq_epi8(_mm256_and_si256(bytes, most_u8x32), most_u8x32));
  }
  bool found = _mm256_movemask_epi8(seen) != 0;
  for (; k < cols; ++k) found |= (row[k] & 0x7f) == 0x7f;
  return found;
}

template <qw_f8_type kType, int kRows, int kM>
void stream_rows(const qw_f8_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  const int64_t cols = weight->base.cols;
  const uint8_t* w = weight->data + row * cols;
  const float factor = kType == QW_F8_E4M3 ? 256.0f : 1.0f;
  __m256 total_f32x8[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) total_f32x8[r][i] = _mm256_setzero_ps();
  }
  for (int64_t tile = 0, k = 0; tile < weight->scales; ++tile) {
    const int64_t end = cols - k < weight->scale_cols ? cols : k + weight->scale_cols;
    __m256 sum_f32x8[kRows][kM];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) sum_f32x8[r][i] = _mm256_setzero_ps();
    }
    for (; k + 8 <= end; k += 8) {
      __m256 w_f32x8[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        w_f32x8[r] = widen<kType>(load(w + r * cols + k));
        _mm_prefetch(reinterpret_cast<const char*>(w + (r + kRows) * cols + k), _MM_HINT_T0);
      }
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) {
        const __m256 x_f32x8 = _mm256_loadu_ps(x + i * ldx + k);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) sum_f32x8[r][i] = _mm256_fmadd_ps(w_f32x8[r], x_f32x8, sum_f32x8[r][i]);
      }
    }
    if (k < end) {
      for (int r = 0; r < kRows; ++r) {
        const __m256 w_f32x8 = widen<kType>(load(w + r * cols + k, end - k));
        for (int i = 0; i < kM; ++i) sum_f32x8[r][i] = _mm256_fmadd_ps(w_f32x8, load_floats(x + i * ldx + k, end - k), sum_f32x8[r][i]);
      }
      k = end;
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256 scale_f32x8 = _mm256_set1_ps(qw_f8_row_scales(weight, row + r)[tile] * factor);
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) total_f32x8[r][i] = _mm256_fmadd_ps(scale_f32x8, sum_f32x8[r][i], total_f32x8[r][i]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const bool nan = kType == QW_F8_E4M3 && has_nan(w + r * cols, cols);
    for (int i = 0; i < kM; ++i) {
      const float sum = add_lanes(total_f32x8[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
      y[i * ldy + row + r] = nan ? __builtin_nanf("") : sum;
    }
  }
}

template <qw_f8_type kType, int kM>
void stream_m(const qw_f8_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end) {
  constexpr int kRows = kM == 1 ? 4 : 2;
  int64_t row = begin;
  for (; row + kRows <= end; row += kRows) stream_rows<kType, kRows, kM>(weight, x, ldx, bias, y, ldy, row);
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

// 8 weights of one row from column k on, scaled; `count` of them, zeros after. `scales` of the row.
template <qw_f8_type kType>
__m256 scaled(const qw_f8_weight* weight, const uint8_t* at, const float* scales, int64_t k, int64_t count) {
  const __m128i bytes = count == 8 ? load(at) : load(at, count);
  __m256 w_f32x8 = widen<kType>(bytes);
  if (kType == QW_F8_E4M3) {
    const __m256i most_i32x8 = _mm256_set1_epi32(0x7f);
    const __m256i nan = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_cvtepu8_epi32(bytes), most_i32x8), most_i32x8);
    w_f32x8 = _mm256_blendv_ps(_mm256_mul_ps(w_f32x8, _mm256_set1_ps(256.0f)), _mm256_set1_ps(__builtin_nanf("")), _mm256_castsi256_ps(nan));
  }
  const int64_t first = k / weight->scale_cols;
  if (k + count <= (first + 1) * weight->scale_cols) return _mm256_mul_ps(w_f32x8, _mm256_set1_ps(scales[first]));
  alignas(32) float lanes[8] = {};
  for (int64_t c = 0; c < count; ++c) lanes[c] = scales[(k + c) / weight->scale_cols];
  return _mm256_mul_ps(w_f32x8, _mm256_load_ps(lanes));
}

template <qw_f8_type kType>
void fill_type(const qw_f8_weight* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  const int64_t cols = weight->base.cols;
  for (int half = 0; half < 2; ++half) {
    const int64_t first = row + half * 8, valid = weight->base.rows - first;
    for (int64_t k = 0; k < count; k += 8) {
      const int64_t columns = count - k < 8 ? count - k : 8;
      __m256 tile_f32x8[8];
      for (int r = 0; r < 8; ++r) {
        tile_f32x8[r] = r >= valid ? _mm256_setzero_ps()
                                   : scaled<kType>(weight, weight->data + (first + r) * cols + column + k,
                                                   qw_f8_row_scales(weight, first + r), column + k, columns);
      }
      transpose(tile_f32x8);
      for (int c = 0; c < columns; ++c) _mm256_store_ps(panel + (k + c) * 16 + half * 8, tile_f32x8[c]);
    }
  }
}

void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_f8_weight* weight = static_cast<const qw_f8_weight*>(base);
  if (weight->type == QW_F8_E4M3) fill_type<QW_F8_E4M3>(weight, row, column, count, panel);
  if (weight->type == QW_F8_E5M2) fill_type<QW_F8_E5M2>(weight, row, column, count, panel);
}

}  // namespace

const qw_f8_kernels qw_f8_avx2 = {stream, fill};
