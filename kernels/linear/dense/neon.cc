// dense, NEON.
//
// Streaming (m <= 4): 2 weight rows x m rows of x (4 rows at m = 1), 8 columns a step in two vectors; at most 16 accumulators.
// Filling a panel: 4 x 4 transposes, 8 shuffles per 16 weights.
#include "linear/dense/codec.h"
#include "linear/eight_neon.h"

namespace {

// Elements may be unaligned: memcpy, not vld1q.
template <qw_type kType>
struct Stored {
  using Element = uint16_t;
  static Eight load(const Element* at) {
    uint16x8_t half;
    __builtin_memcpy(&half, at, sizeof half);
    if (kType == QW_F16) {
      const float16x8_t values = vreinterpretq_f16_u16(half);
      return {vcvt_f32_f16(vget_low_f16(values)), vcvt_high_f32_f16(values)};
    }
    const uint32x4_t low = vshlq_n_u32(vmovl_u16(vget_low_u16(half)), 16), high = vshlq_n_u32(vmovl_high_u16(half), 16);
    return {vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high)};
  }
};

template <>
struct Stored<QW_F32> {
  using Element = float;
  static Eight load(const Element* at) { return load_eight(at); }
};

// The first `count` < 8 elements, zeros after them; never reads past them.
template <qw_type kType>
Eight load_first(const typename Stored<kType>::Element* at, int64_t count) {
  typename Stored<kType>::Element lanes[8] = {};
  __builtin_memcpy(lanes, at, size_t(count) * sizeof lanes[0]);
  return Stored<kType>::load(lanes);
}

template <qw_type kType, int kRows, int kM>
void stream_rows(const qw_dense_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  using Element = typename Stored<kType>::Element;
  const int64_t cols = weight->base.cols;
  const Element* w = reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + row * cols * int64_t(sizeof(Element)));
  Eight sum[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) sum[r][i].low = sum[r][i].high = vdupq_n_f32(0);
  }
  const auto add = [&](const Eight(&weights)[kRows], const Eight& values, int i) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sum[r][i].low = vfmaq_f32(sum[r][i].low, weights[r].low, values.low);
      sum[r][i].high = vfmaq_f32(sum[r][i].high, weights[r].high, values.high);
    }
  };
  int64_t k = 0;
  for (; k + 8 <= cols; k += 8) {
    Eight weights[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) weights[r] = Stored<kType>::load(w + r * cols + k);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) add(weights, Stored<QW_F32>::load(x + i * ldx + k), i);
  }
  if (k < cols) {
    Eight weights[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) weights[r] = load_first<kType>(w + r * cols + k, cols - k);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) add(weights, load_first<QW_F32>(x + i * ldx + k, cols - k), i);
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      y[i * ldy + row + r] = add_lanes(sum[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
    }
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
  for (int quarter = 0; quarter < 4; ++quarter) {
    const int64_t first = row + quarter * 4, valid = weight->base.rows - first;
    const Element* w =
        reinterpret_cast<const Element*>(static_cast<const char*>(weight->data) + (first * cols + column) * int64_t(sizeof(Element)));
    for (int64_t k = 0; k < count; k += 8) {
      const int64_t columns = count - k < 8 ? count - k : 8;
      float32x4_t low[4], high[4];
      for (int r = 0; r < 4; ++r) {
        Eight eight = {vdupq_n_f32(0), vdupq_n_f32(0)};
        if (r < valid) eight = columns == 8 ? Stored<kType>::load(w + r * cols + k) : load_first<kType>(w + r * cols + k, columns);
        low[r] = eight.low;
        high[r] = eight.high;
      }
      store_transposed(low, panel + k * 16 + quarter * 4, columns);
      if (columns > 4) store_transposed(high, panel + (k + 4) * 16 + quarter * 4, columns - 4);
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

const qw_dense_kernels qw_dense_neon = {stream, fill};
