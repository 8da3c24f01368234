// f8, NEON.
//
// Streaming (m <= 4): 2 weight rows x m rows of x (4 rows at m = 1), 8 columns a step in two vectors; at most 16 accumulators. Per 8
// weights: a widening, a shift, for e4m3 a mask, two fcvtl and 2 m FMAs. The factor 2^8 of e4m3 goes into the scale; a row that holds one
// of its NaN bytes is NaN for every x.
// Filling a panel: 4 x 4 transposes.
#include "linear/eight_neon.h"
#include "linear/f8/codec.h"

namespace {

// e4m3: the value times 2^-8 but for NaN bytes, which become 1.875.
template <qw_f8_type kType>
Eight widen(uint8x8_t bytes) {
  uint16x8_t half = vshll_n_u8(bytes, 7);  // e4m3: 0 s eeee mmm 0000000; the sign belongs one place higher
  if (kType == QW_F8_E5M2) half = vshlq_n_u16(vmovl_u8(bytes), 8);
  else half = vorrq_u16(vandq_u16(half, vdupq_n_u16(0x3fff)), vandq_u16(vshlq_n_u16(half, 1), vdupq_n_u16(0x8000)));
  const float16x8_t values = vreinterpretq_f16_u16(half);
  return {vcvt_f32_f16(vget_low_f16(values)), vcvt_high_f32_f16(values)};
}

// `count` < 8: zeros after them; never reads past them.
inline uint8x8_t load_bytes(const uint8_t* at, int64_t count) {
  if (count >= 8) return vld1_u8(at);
  uint8_t lanes[8] = {};
  __builtin_memcpy(lanes, at, size_t(count));
  return vld1_u8(lanes);
}

inline bool has_nan(const uint8_t* row, int64_t cols) {
  const uint8x16_t most_u8x16 = vdupq_n_u8(0x7f);
  uint8x16_t seen = vdupq_n_u8(0);
  int64_t k = 0;
  for (; k + 16 <= cols; k += 16) seen = vorrq_u8(seen, vceqq_u8(vandq_u8(vld1q_u8(row + k), most_u8x16), most_u8x16));
  bool found = vmaxvq_u8(seen) != 0;
  for (; k < cols; ++k) found |= (row[k] & 0x7f) == 0x7f;
  return found;
}

inline void multiply_add(Eight& sum, const Eight& a, const Eight& b) {
  sum.low = vfmaq_f32(sum.low, a.low, b.low);
  sum.high = vfmaq_f32(sum.high, a.high, b.high);
}

template <qw_f8_type kType, int kRows, int kM>
void stream_rows(const qw_f8_weight* weight, const float* x, int64_t ldx, const float* bias, float* y, int64_t ldy, int64_t row) {
  const int64_t cols = weight->base.cols;
  const uint8_t* w = weight->data + row * cols;
  const float factor = kType == QW_F8_E4M3 ? 256.0f : 1.0f;
  const Eight nothing = {vdupq_n_f32(0), vdupq_n_f32(0)};
  float32x4_t total_f32x4[kRows][kM];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) total_f32x4[r][i] = vdupq_n_f32(0);
  }
  for (int64_t tile = 0, k = 0; tile < weight->scales; ++tile) {
    const int64_t end = cols - k < weight->scale_cols ? cols : k + weight->scale_cols;
    Eight sum[kRows][kM];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) sum[r][i] = nothing;
    }
    for (; k + 8 <= end; k += 8) {
      Eight weights[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) weights[r] = widen<kType>(vld1_u8(w + r * cols + k));
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) {
        const Eight values = load_eight(x + i * ldx + k);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) multiply_add(sum[r][i], weights[r], values);
      }
    }
    if (k < end) {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const Eight weights = widen<kType>(load_bytes(w + r * cols + k, end - k));
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) multiply_add(sum[r][i], weights, load_eight(x + i * ldx + k, end - k));
      }
      k = end;
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const float scale = qw_f8_row_scales(weight, row + r)[tile] * factor;
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) total_f32x4[r][i] = vfmaq_n_f32(total_f32x4[r][i], vaddq_f32(sum[r][i].low, sum[r][i].high), scale);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const bool nan = kType == QW_F8_E4M3 && has_nan(w + r * cols, cols);
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) {
      const float sum = vaddvq_f32(total_f32x4[r][i]) + (bias == nullptr ? 0.0f : bias[row + r]);
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
Eight scaled(const qw_f8_weight* weight, const uint8_t* at, const float* scales, int64_t k, int64_t count) {
  const uint8x8_t bytes = load_bytes(at, count);
  Eight w = widen<kType>(bytes);
  if (kType == QW_F8_E4M3) {
    const uint8x8_t most_u8x8 = vdup_n_u8(0x7f);
    const int16x8_t nan = vmovl_s8(vreinterpret_s8_u8(vceq_u8(vand_u8(bytes, most_u8x8), most_u8x8)));
    const float32x4_t not_a_number = vdupq_n_f32(__builtin_nanf(""));
    w.low = vbslq_f32(vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(nan))), not_a_number, vmulq_n_f32(w.low, 256.0f));
    w.high = vbslq_f32(vreinterpretq_u32_s32(vmovl_high_s16(nan)), not_a_number, vmulq_n_f32(w.high, 256.0f));
  }
  const int64_t first = k / weight->scale_cols;
  if (k + count <= (first + 1) * weight->scale_cols) return {vmulq_n_f32(w.low, scales[first]), vmulq_n_f32(w.high, scales[first])};
  float lanes[8] = {};
  for (int64_t c = 0; c < count; ++c) lanes[c] = scales[(k + c) / weight->scale_cols];
  const Eight scale = load_eight(lanes);
  return {vmulq_f32(w.low, scale.low), vmulq_f32(w.high, scale.high)};
}

template <qw_f8_type kType>
void fill_type(const qw_f8_weight* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  const int64_t cols = weight->base.cols;
  for (int quarter = 0; quarter < 4; ++quarter) {
    const int64_t first = row + quarter * 4, valid = weight->base.rows - first;
    for (int64_t k = 0; k < count; k += 8) {
      const int64_t columns = count - k < 8 ? count - k : 8;
      float32x4_t low[4], high[4];
      for (int r = 0; r < 4; ++r) {
        Eight eight = {vdupq_n_f32(0), vdupq_n_f32(0)};
        if (r < valid) {
          const uint8_t* at = weight->data + (first + r) * cols + column + k;
          eight = scaled<kType>(weight, at, qw_f8_row_scales(weight, first + r), column + k, columns);
        }
        low[r] = eight.low;
        high[r] = eight.high;
      }
      store_transposed(low, panel + k * 16 + quarter * 4, columns);
      if (columns > 4) store_transposed(high, panel + (k + 4) * 16 + quarter * 4, columns - 4);
    }
  }
}

void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_f8_weight* weight = static_cast<const qw_f8_weight*>(base);
  if (weight->type == QW_F8_E4M3) fill_type<QW_F8_E4M3>(weight, row, column, count, panel);
  if (weight->type == QW_F8_E5M2) fill_type<QW_F8_E5M2>(weight, row, column, count, panel);
}

}  // namespace

const qw_f8_kernels qw_f8_neon = {stream, fill};
