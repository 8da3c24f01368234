// NEON kernels of the grouped codecs, with dot products where the including file has them (neondot.cc). Include only from neon.cc and
// neondot.cc files.
//
// Streaming (m <= 8): x as three digit planes (fixed_point.h), multiplied exactly, one row of x at a time over a tile that stays in the
// cache.
//
// Cost a quad of 64 codes and row of x: with sdot 12 of them, 3 broadcast loads, 4 loads and 4 (q8) to 16 instructions of unpacking.
// Without: 24 multiply-adds in 16 bits and a share of 24 to widen every 20 (q2), 9 (q3), 8 (q4), 2 (q5) or 1 block (q6, q8).
#pragma once
#include <arm_neon.h>

#include "linear/grouped/fixed_point.h"
#include "linear/grouped/params_neon.h"
#include "linear/grouped/products_neon.h"

namespace {

// digits: [quad of 4 columns][row of x][h, m, l], 4 bytes each, at this row; stride in 4-byte digits from quad to quad.
// Groups are whole blocks, so whole vectors of 4.
inline void split_group(const float* values, int64_t begin, int64_t end, int32_t* digits, int64_t stride, float* unit, float* sum) {
  uint32x4_t most_u32x4 = vdupq_n_u32(0);  // largest |x| by its bits: NaN and infinity win
  for (int64_t k = begin; k < end; k += 4) {
    most_u32x4 = vmaxq_u32(most_u32x4, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(values + k)), vdupq_n_u32(0x7fffffffu)));
  }
  const uint32_t most_bits = vmaxvq_u32(most_u32x4);
  const bool finite = most_bits < 0x7f800000u;
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float scale = !finite || most_bits == 0 ? 0.0f : qw_fixed_point_scale(most);
  int64x2_t sum_i64x2 = vdupq_n_s64(0);
  for (int64_t k = begin; k < end; k += 4) {
    int32x4_t fixed_i32x4 = vdupq_n_s32(0);
    if (finite) fixed_i32x4 = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(values + k), scale));
    sum_i64x2 = vpadalq_s32(sum_i64x2, fixed_i32x4);
    for (int digit = 2; digit >= 0; --digit) {  // lowest first: its sign is carried into the next
      const int16x4_t low_i16x4 = vmovn_s32(fixed_i32x4);
      digits[k / 4 * stride + digit] = vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(low_i16x4, low_i16x4))), 0);
      const int32x4_t signed_i32x4 = vshrq_n_s32(vshlq_n_s32(fixed_i32x4, 24), 24);
      fixed_i32x4 = vshrq_n_s32(vsubq_s32(fixed_i32x4, signed_i32x4), 8);
    }
  }
  *unit = !finite ? __builtin_nanf("") : most_bits == 0 ? 0.0f : 1.0f / scale;
  *sum = float(double(vaddvq_s64(sum_i64x2)) * double(*unit));
}

inline void split_digits(const qw_grouped* weight, const qw_grouped_x* x, int m) {
  for (int i = 0; i < m; ++i) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      const int64_t at = i * weight->groups + group;
      split_group(x->values + i * x->ld, weight->group_begin[group] * weight->step, weight->group_begin[group + 1] * weight->step,
                  x->digits + i * 3, 3 * m, x->units + at, x->sums + at);
    }
  }
}

inline void store_quarter(const qw_grouped* weight, int64_t row, float32x4_t sum_f32x4, const float* bias, float* y) {
  const int64_t left = weight->base.rows - row;
  if (left >= 4) {
    if (bias != nullptr) sum_f32x4 = vaddq_f32(sum_f32x4, vld1q_f32(bias + row));
    vst1q_f32(y + row, sum_f32x4);
    return;
  }
  float lanes[4];
  vst1q_f32(lanes, sum_f32x4);
  for (int64_t r = 0; r < left; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

// One tile, one row of x; digits at that row, `stride` digits from quad to quad.
template <int kBits>
void stream_tile(const qw_grouped* weight, const int32_t* digits, int64_t stride, const float* units, const float* sums, const float* bias,
                 float* y, int64_t tile) {
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  const float32x4_t offset_f32x4 = vdupq_n_f32(weight->offset - (kBits == 8 ? 128.0f : 0.0f));
  float32x4_t total_f32x4[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  for (int64_t group = 0; group < weight->groups; ++group) {
    int32x4_t sum_i32x4[4][3];
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) sum_i32x4[quarter][0] = sum_i32x4[quarter][1] = sum_i32x4[quarter][2] = vdupq_n_s32(0);
    add_blocks<kBits>(codes, weight->group_begin[group], weight->group_begin[group + 1], digits, stride, sum_i32x4);
#pragma GCC unroll 4
    for (int quarter = 0; quarter < 4; ++quarter) {
      const GroupParams params = load_group(weight, tile, group, quarter);
      const float32x4_t zero_f32x4 = vaddq_f32(params.zero_f32x4, offset_f32x4);
      float32x4_t sum_f32x4 = vdupq_n_f32(0);
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        sum_f32x4 = vfmaq_n_f32(vcvtq_f32_s32(sum_i32x4[quarter][digit]), sum_f32x4, 256.0f);
      }
      sum_f32x4 = vmulq_n_f32(sum_f32x4, units[group]);
      sum_f32x4 = vfmsq_n_f32(sum_f32x4, zero_f32x4, sums[group]);
      total_f32x4[quarter] = vfmaq_f32(total_f32x4[quarter], params.scale_f32x4, sum_f32x4);
      total_f32x4[quarter] = vfmsq_n_f32(total_f32x4[quarter], params.minimum_f32x4, sums[group]);
    }
  }
#pragma GCC unroll 4
  for (int quarter = 0; quarter < 4; ++quarter) store_quarter(weight, tile * QW_TILE_ROWS + quarter * 4, total_f32x4[quarter], bias, y);
}

template <int kBits>
void stream(const qw_grouped* weight, const qw_grouped_x* x, int, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int i = 0; i < m; ++i) {
      stream_tile<kBits>(weight, x->digits + i * 3, 3 * m, x->units + i * weight->groups, x->sums + i * weight->groups, bias, y + i * ldy,
                         tile);
    }
  }
}

// Column j of 4 rows as f32.
template <int kBits>
inline float32x4_t widen(const typename Quads<kBits>::Lines& lines, int j) {
  const uint32x4_t quad = vreinterpretq_u32_u8(Quads<kBits>::quad(lines, j / 4));
  const uint32x4_t byte = j % 4 == 0 ? quad : j % 4 == 1 ? vshrq_n_u32(quad, 8) : j % 4 == 2 ? vshrq_n_u32(quad, 16) : vshrq_n_u32(quad, 24);
  return vcvtq_f32_u32(j % 4 == 3 ? byte : vandq_u32(byte, vdupq_n_u32(255)));
}

// One tile: panel[column][16]. ((code - offset) - zero) * scale - minimum, the same f32 operations as the specification.
template <int kBits>
void fill_panel(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  constexpr int kColumns = Quads<kBits>::kCount * 4;
  const qw_grouped* weight = static_cast<const qw_grouped*>(base);
  const float32x4_t offset_f32x4 = vdupq_n_f32(weight->offset);
  const int64_t begin = column / kColumns, end = (column + count) / kColumns, tile = row / QW_TILE_ROWS;
  int64_t low = 0, high = weight->groups;  // the group of block `begin`: the last one that starts at or before it
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (weight->group_begin[middle] <= begin ? low : high) = middle;
  }
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  for (int64_t group = low, b = begin; b < end; ++group) {
    const int64_t group_end = weight->group_begin[group + 1] < end ? weight->group_begin[group + 1] : end;
    for (int quarter = 0; quarter < 4; ++quarter) {
      const GroupParams params = load_group(weight, tile, group, quarter);
      float* out = panel + (b - begin) * kColumns * 16 + quarter * 4;
      for (int64_t at = b; at < group_end; ++at) {
        const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, at, quarter);
#pragma GCC unroll 16
        for (int j = 0; j < kColumns; ++j, out += 16) {
          const float32x4_t code_f32x4 = vsubq_f32(widen<kBits>(lines, j), offset_f32x4);
          const float32x4_t product_f32x4 = vmulq_f32(vsubq_f32(code_f32x4, params.zero_f32x4), params.scale_f32x4);
          vst1q_f32(out, vsubq_f32(product_f32x4, params.minimum_f32x4));
        }
      }
    }
    b = group_end > b ? group_end : b;
  }
}

}  // namespace
