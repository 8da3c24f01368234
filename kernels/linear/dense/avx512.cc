// dense, AVX-512.
//
// Streaming (m <= 4): 4 weight rows x m rows of x, vectors along the columns; per 16 columns 4 widened weight loads, m loads of x and
// 4 m FMAs. The next 4 rows are prefetched meanwhile: the hardware's prefetcher stops at every page, which is one or two rows.
// bf16 widens by zero-extension and shift (p5, p0), f16 by vcvtph2ps; at 2 bytes a weight that is 20 bytes a cycle, above memory.
// Filling a panel: 16 x 16 transposes, 64 shuffles per 256 weights (p5).
#include <immintrin.h>

#include "linear/dense/codec.h"
#include "linear/transpose.h"

namespace {

template <qw_type kType>
struct Stored {
  using Element = uint16_t;
  static __m512 widen(__m256i half) {
    if (kType == QW_F16) return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
  static __m512 load(const Element* at) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))); }
  static __m512 load(const Element* at, __mmask16 mask) { return widen(_mm256_maskz_loadu_epi16(mask, at)); }
};

template <>
struct Stored<QW_F32> {
  using Element = float;
  static __m512 load(const Element* at) { return _mm512_loadu_ps(at); }
  static __m512 load(const Element* at, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, at); }
};

template <qw_type kType, int kRows, int kM>
void stream_rows(const qw_dense_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  using Element = typename Stored<kType>::Element;
  const int64_t cols = weight->base.cols;
  // Pointers to unaligned elements are only ever given to unaligned loads.
  const Element* w = reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + row * cols * int64_t(sizeof(Element)));
  __m512 sum_f32x16[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) sum_f32x16[r][i] = _mm512_setzero_ps();
  }
  int64_t k = 0;
  for (; k + 16 <= cols; k += 16) {
    __m512 x_f32x16[kM];
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) x_f32x16[i] = _mm512_loadu_ps(x + i * ldx + k);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m512 w_f32x16 = Stored<kType>::load(w + r * cols + k);
      _mm_prefetch(reinterpret_cast<const char*>(w + (r + kRows) * cols + k), _MM_HINT_T0);
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) sum_f32x16[r][i] = _mm512_fmadd_ps(w_f32x16, x_f32x16[i], sum_f32x16[r][i]);
    }
  }
  if (k < cols) {
    const __mmask16 mask = __mmask16((1u << (cols - k)) - 1);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m512 w_f32x16 = Stored<kType>::load(w + r * cols + k, mask);
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) {
        sum_f32x16[r][i] = _mm512_fmadd_ps(w_f32x16, _mm512_maskz_loadu_ps(mask, x + i * ldx + k), sum_f32x16[r][i]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) y[i * ldy + row + r] = _mm512_reduce_add_ps(sum_f32x16[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
  }
}

template <qw_type kType, int kM>
void stream_m(const qw_dense_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t begin,
              int64_t end) {
  int64_t row = begin;
  for (; row + 4 <= end; row += 4) stream_rows<kType, 4, kM>(weight, x, ldx, bias, y, ldy, row);
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
    const int64_t first = row + half * 16, valid = weight->base.rows - first;
    const Element* w =
        reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + (first * cols + column) * int64_t(sizeof(Element)));
    for (int64_t k = 0; k < count; k += 16) {
      const __mmask16 mask = count - k >= 16 ? __mmask16(0xffff) : __mmask16((1u << (count - k)) - 1);
      __m512 tile_f32x16[16];
      if (valid >= 16 && mask == 0xffff) {
#pragma GCC unroll 16
        for (int r = 0; r < 16; ++r) tile_f32x16[r] = Stored<kType>::load(w + r * cols + k);
      } else {
        for (int r = 0; r < 16; ++r) tile_f32x16[r] = r < valid ? Stored<kType>::load(w + r * cols + k, mask) : _mm512_setzero_ps();
      }
      transpose(tile_f32x16);
      float* out = panel + k * 32 + half * 16;
      if (mask == 0xffff) {
#pragma GCC unroll 16
        for (int c = 0; c < 16; ++c) _mm512_store_ps(out + c * 32, tile_f32x16[c]);
      } else {
        for (int c = 0; c < count - k; ++c) _mm512_store_ps(out + c * 32, tile_f32x16[c]);
      }
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

const qw_dense_kernels qw_dense_avx512 = {stream, fill};
