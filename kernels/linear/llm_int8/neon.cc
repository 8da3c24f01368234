// llm_int8, NEON: the operations of serial.cc, 4 at a time. A quarter of a 64-byte line of codes holds one column of 4 weight rows, a byte
// of each lane; it is dequantized once for kRows rows of x.
#include <arm_neon.h>

#include "linear/llm_int8/codec.h"
#include "linear/load_params.h"

namespace {

inline uint32_t float_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

inline uint32x4_t magnitude(float32x4_t x_f32x4) { return vandq_u32(vreinterpretq_u32_f32(x_f32x4), vdupq_n_u32(0x7fffffffu)); }

void column_most(const float* x, int64_t ldx, int64_t m, int64_t begin, int64_t end, uint32_t* most) {
  int64_t k = begin;
  for (; k + 4 <= end; k += 4) {
    uint32x4_t most_u32x4 = vdupq_n_u32(0);
    for (int64_t i = 0; i < m; ++i) most_u32x4 = vmaxq_u32(most_u32x4, magnitude(vld1q_f32(x + i * ldx + k)));
    vst1q_u32(most + k, most_u32x4);
  }
  for (; k < end; ++k) {
    most[k] = 0;
    for (int64_t i = 0; i < m; ++i) {
      const uint32_t bits = float_bits(x[i * ldx + k]) & 0x7fffffffu;
      most[k] = bits > most[k] ? bits : most[k];
    }
  }
}

// vcvtn rounds half to even; 0 for outliers.
inline int32x4_t round_inside(float32x4_t x_f32x4, float inverse, uint32_t limit) {
  const int32x4_t q_i32x4 = vcvtnq_s32_f32(vminq_f32(vmaxq_f32(vmulq_n_f32(x_f32x4, inverse), vdupq_n_f32(-128.0f)), vdupq_n_f32(127.0f)));
  return vandq_s32(q_i32x4, vreinterpretq_s32_u32(vcltq_u32(magnitude(x_f32x4), vdupq_n_u32(limit))));
}

void quantize(const float* x, int64_t cols, uint32_t limit, int8_t* q, float* scale, int32_t* sum) {
  uint32x4_t most_u32x4 = vdupq_n_u32(0);
  int64_t k = 0;
  for (; k + 4 <= cols; k += 4) {
    const uint32x4_t bits_u32x4 = magnitude(vld1q_f32(x + k));
    most_u32x4 = vmaxq_u32(most_u32x4, vandq_u32(bits_u32x4, vcltq_u32(bits_u32x4, vdupq_n_u32(limit))));
  }
  uint32_t most_bits = vmaxvq_u32(most_u32x4);
  for (; k < cols; ++k) {
    const uint32_t bits = float_bits(x[k]) & 0x7fffffffu;
    most_bits = bits < limit && bits > most_bits ? bits : most_bits;
  }
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = 127.0f / most;
  *scale = most / 127.0f;
  *sum = 0;
  if (most_bits >= 0x7f800000u || float_bits(inverse) >= 0x7f800000u) {
    __builtin_memset(q, 0, size_t(cols));
    return;
  }
  int32x4_t sum_i32x4 = vdupq_n_s32(0);
  for (k = 0; k + 8 <= cols; k += 8) {
    const int32x4_t low_i32x4 = round_inside(vld1q_f32(x + k), inverse, limit);
    const int32x4_t high_i32x4 = round_inside(vld1q_f32(x + k + 4), inverse, limit);
    sum_i32x4 = vaddq_s32(sum_i32x4, vaddq_s32(low_i32x4, high_i32x4));
    vst1_s8(q + k, vmovn_s16(vcombine_s16(vmovn_s32(low_i32x4), vmovn_s32(high_i32x4))));
  }
  *sum = vaddvq_s32(sum_i32x4);
  for (; k < cols; ++k) {
    q[k] = int8_t(vgetq_lane_s32(round_inside(vdupq_n_f32(x[k]), inverse, limit), 0));
    *sum += q[k];
  }
}

// 4 weight rows.
struct Quarter {
  const uint8_t* codes;
  int32x4_t offset_i32x4;
  float32x4_t scale_f32x4, zero_f32x4;
};

inline Quarter quarter_at(const qw_w8a8_weight* weight, int64_t row) {
  const int64_t tile = row / QW_W8A8_TILE_ROWS, lane = row % QW_W8A8_TILE_ROWS, params = tile * 2 * QW_W8A8_TILE_ROWS + lane;
  return {weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES + lane * 4, vdupq_n_s32(weight->offset),
          load_params_f32x4(weight->scale_type, weight->params, params),
          load_params_f32x4(weight->scale_type, weight->params, params + QW_W8A8_TILE_ROWS)};
}

inline float32x4_t column_of(const Quarter& quarter, int64_t k) {
  const uint32x4_t line_u8x16 = vreinterpretq_u32_u8(vld1q_u8(quarter.codes + k / 4 * QW_W8A8_QUAD_BYTES));
  const uint32x4_t code_u32x4 = vandq_u32(vshlq_u32(line_u8x16, vdupq_n_s32(int32_t(k % 4 * -8))), vdupq_n_u32(255));
  const float32x4_t code_f32x4 = vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(code_u32x4), quarter.offset_i32x4));
  return vmulq_f32(vsubq_f32(code_f32x4, quarter.zero_f32x4), quarter.scale_f32x4);
}

// valid: rows of the quarter that there are.
template <int kRows>
void add_block(const Quarter& quarter, const float* x, int64_t ldx, const qw_llm_int8_columns& columns, float* y, int64_t ldy,
               int64_t valid) {
  float32x4_t acc_f32x4[kRows];
  float some[4] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    __builtin_memcpy(some, y + i * ldy, size_t(valid) * sizeof(float));
    acc_f32x4[i] = vld1q_f32(some);
  }
  for (int64_t at = 0; at < columns.count; ++at) {
    const int64_t k = columns.of_weight[at], place = columns.of_x[at];
    const float32x4_t w_f32x4 = column_of(quarter, k);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) acc_f32x4[i] = vfmaq_n_f32(acc_f32x4[i], w_f32x4, x[i * ldx + place]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    vst1q_f32(some, acc_f32x4[i]);
    __builtin_memcpy(y + i * ldy, some, size_t(valid) * sizeof(float));
  }
}

void add_columns(const qw_w8a8_weight* weight, const float* x, int64_t ldx, int64_t m, const qw_llm_int8_columns* columns, float* y,
                 int64_t ldy, int64_t tile_begin, int64_t tile_end) {
  for (int64_t row = tile_begin * QW_W8A8_TILE_ROWS; row < tile_end * QW_W8A8_TILE_ROWS && row < weight->base.rows; row += 4) {
    const Quarter quarter = quarter_at(weight, row);
    const int64_t left = weight->base.rows - row, valid = left < 4 ? left : 4;
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) add_block<8>(quarter, x + i * ldx, ldx, *columns, y + i * ldy + row, ldy, valid);
    for (; i < m; ++i) add_block<1>(quarter, x + i * ldx, ldx, *columns, y + i * ldy + row, ldy, valid);
  }
}

}  // namespace

const qw_llm_int8_kernels qw_llm_int8_neon = {column_most, quantize, add_columns};
