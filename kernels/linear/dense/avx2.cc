// dense, AVX2 + FMA + F16C.
//
// Streaming (m <= 4): 2 weight rows x m rows of x (4 rows at m = 1), vectors along the columns; at most 8 accumulators.
// The rows that come next are prefetched meanwhile: the hardware's prefetcher stops at every page, which is one or two rows.
// Filling a panel: 8 x 8 transposes, 24 shuffles per 64 weights.
#include <immintrin.h>

#include "linear/dense/codec.h"
#include "linear/transpose.h"

namespace {

template <qw_type kType>
struct Stored {
  using Element = uint16_t;
  static __m256 load(const Element* at) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    if (kType == QW_F16) return _mm256_cvtph_ps(half);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
  }
};

template <>
struct Stored<QW_F32> {
  using Element = float;
  static __m256 load(const Element* at) { return _mm256_loadu_ps(at); }
};

// The first `count` < 8 elements, zeros after them; never reads past them.
template <qw_type kType>
__m256 load_first(const typename Stored<kType>::Element* at, int64_t count) {
  alignas(32) typename Stored<kType>::Element lanes[8] = {};
  __builtin_memcpy(lanes, at, size_t(count) * sizeof lanes[0]);
  return Stored<kType>::load(lanes);
}

template <qw_type kType, int kRows, int kM>
void stream_rows(const qw_dense_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  using Element = typename Stored<kType>::Element;
  const int64_t cols = weight->base.cols;
  const Element* w = reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + row * cols * int64_t(sizeof(Element)));
  __m256 sum_f32x8[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) sum_f32x8[r][i] = _mm256_setzero_ps();
  }
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    __m256 w_f32x8[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      w_f32x8[r] = Stored<kType>::load(w + r * cols + k);
      _mm_prefetch(reinterpret_cast<const char*>(w + (r + kRows) * cols + k), _MM_HINT_T0);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      const __m256 x_f32x8 = _mm256_loadu_ps(x + i * ldx + k);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sum_f32x8[r][i] = _mm256_fmadd_ps(w_f32x8[r], x_f32x8, sum_f32x8[r][i]);
    }
  }
  if (k < cols) {
    for (int r = 0; r < kRows; ++r) {
      const __m256 w_f32x8 = load_first<kType>(w + r * cols + k, cols - k);
      for (int i = 0; i < kM; ++i) {
        sum_f32x8[r][i] = _mm256_fmadd_ps(w_f32x8, load_first<QW_F32>(x + i * ldx + k, cols - k), sum_f32x8[r][i]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kM; ++i) y[i * ldy + row + r] = add_lanes(sum_f32x8[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
  }
}

template <qw_type kType, int kM>
void stream_m(const qw_dense_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t begin,
              int64_t end) {
  constexpr int kRows = kM == 1 ? 4 : 2;
  int64_t row = begin;
  for (; row + kRows <= end; row += kRows) stream_rows<kType, kRows, kM>(weight, x, ldx, bias, y, ldy, row);
  for (; row < end; ++row) stream_rows<kType, 1, kM>(weight, x, ldx, bias, y, ldy, row);
}

template <qw_type kType>
void stream_type(const qw_dense_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end) {
  if (m == 1) stream_m<kType, 1>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 2) stream_m<kType, 2>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 3) stream_m<kType, 3>(weight, x, ldx, bias, y, ldy, begin, end);
  if (m == 4) stream_m<kType, 4>(weight, x, ldx, bias, y, ldy, begin, end);
}

void stream(const qw_dense_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  if (weight->type == QW_F32) stream_type<QW_F32>(weight, x, ldx, m, bias, y, ldy, begin, end);
  if (weight->type == QW_F16) stream_type<QW_F16>(weight, x, ldx, m, bias, y, ldy, begin, end);
  if (weight->type == QW_BF16) stream_type<QW_BF16>(weight, x, ldx, m, bias, y, ldy, begin, end);
}

template <qw_type kType>
void fill_type(const qw_dense_weight* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  using Element = typename Stored<kType>::Element;
  const int64_t cols = weight->base.cols;
  for (int half = 0; half < 2; ++half) {
    const int64_t first = row + half * 8, valid = weight->base.rows - first;
    const Element* w =
        reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + (first * cols + column) * int64_t(sizeof(Element)));
    for (int64_t k = 0; k < count; k += 8) {
      const int64_t columns = count - k < 8 ? count - k : 8;
      __m256 tile_f32x8[8];
      for (int r = 0; r < 8; ++r) {
        const Element* at = w + r * cols + k;
        tile_f32x8[r] = r >= valid ? _mm256_setzero_ps() : columns == 8 ? Stored<kType>::load(at) : load_first<kType>(at, columns);
      }
      transpose(tile_f32x8);
      for (int c = 0; c < columns; ++c) _mm256_store_ps(panel + (k + c) * 16 + half * 8, tile_f32x8[c]);
    }
  }
}

void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_dense_weight* weight = static_cast<const qw_dense_weight*>(base);
  if (weight->type == QW_F32) fill_type<QW_F32>(weight, row, column, count, panel);
  if (weight->type == QW_F16) fill_type<QW_F16>(weight, row, column, count, panel);
  if (weight->type == QW_BF16) fill_type<QW_BF16>(weight, row, column, count, panel);
}

}  // namespace

const qw_dense_kernels qw_dense_avx2 = {stream, fill};
