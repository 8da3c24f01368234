// NEON: codes times digits (fixed_point.h), exactly; with dot products where the including file has them (neondot.cc). Include only from
// neon.cc and neondot.cc files.
//
//   add_blocks<bits>(codes, begin, end, digits, stride, sums): sums[quarter][digit] += codes of 4 rows * digits over blocks [begin, end) of
//   the tile whose codes begin at `codes`; `digits` are those of the tile's first quad, `stride` apart from quad to quad.
#pragma once
#include "linear/grouped/quads_neon.h"

namespace {

inline int8x16_t broadcast(const int32_t* digit) { return vreinterpretq_s8_s32(vld1q_dup_s32(digit)); }

#if defined(__ARM_FEATURE_DOTPROD)

template <int kBits>
inline __attribute__((always_inline)) void add_blocks(const uint8_t* codes, int64_t begin, int64_t end, const int32_t* digits, int64_t stride,
                                                      int32x4_t (&sums)[4][3]) {
  constexpr int kQuads = Quads<kBits>::kCount;
  digits += begin * kQuads * stride;
  for (int64_t b = begin; b < end; ++b, digits += kQuads * stride) {
    const typename Quads<kBits>::Lines lines[4] = {Quads<kBits>::load(codes, b, 0), Quads<kBits>::load(codes, b, 1),
                                                   Quads<kBits>::load(codes, b, 2), Quads<kBits>::load(codes, b, 3)};
#pragma GCC unroll 4
    for (int q = 0; q < kQuads; ++q) {
      const int8x16_t codes_i8x16[4] = {signed_quad<kBits>(lines[0], q), signed_quad<kBits>(lines[1], q), signed_quad<kBits>(lines[2], q),
                                        signed_quad<kBits>(lines[3], q)};
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        const int8x16_t x_i8x16 = broadcast(digits + q * stride + digit);
#pragma GCC unroll 4
        for (int quarter = 0; quarter < 4; ++quarter) sums[quarter][digit] = vdotq_s32(sums[quarter][digit], codes_i8x16[quarter], x_i8x16);
      }
    }
  }
}

#else

// 8 rows. Products add up in 16 bits, each lane one column of a quad, for as many quads as cannot overflow, then by pairs of columns in 32
// bits and at the end by rows. A q8 product of -128 * -128 leaves no room for a second one.
template <int kBits>
inline void add_half(const uint8_t* codes, int half, int64_t begin, int64_t end, const int32_t* digits, int64_t stride, int32x4_t* sums) {
  constexpr int kQuads = Quads<kBits>::kCount;
  constexpr int kQuadsPerSum = kBits == 8 ? 1 : 32767 / (128 * ((1 << kBits) - 1));
  constexpr int64_t kBlocksPerSum = kQuadsPerSum / kQuads;
  static_assert(kBlocksPerSum >= 1, "a block's products fit 16 bits");
  int32x4_t pair_i32x4[4][3];  // of two rows each
#pragma GCC unroll 4
  for (int pair = 0; pair < 4; ++pair) pair_i32x4[pair][0] = pair_i32x4[pair][1] = pair_i32x4[pair][2] = vdupq_n_s32(0);
  digits += begin * kQuads * stride;
  for (int64_t b = begin; b < end;) {
    const int64_t flush = end - b < kBlocksPerSum ? end : b + kBlocksPerSum;
    int16x8_t sum_i16x8[4][3];
#pragma GCC unroll 4
    for (int pair = 0; pair < 4; ++pair) sum_i16x8[pair][0] = sum_i16x8[pair][1] = sum_i16x8[pair][2] = vdupq_n_s16(0);
    for (; b < flush; ++b, digits += kQuads * stride) {
      const typename Quads<kBits>::Lines lines[2] = {Quads<kBits>::load(codes, b, half * 2), Quads<kBits>::load(codes, b, half * 2 + 1)};
#pragma GCC unroll 4
      for (int q = 0; q < kQuads; ++q) {
        const int8x16_t codes_i8x16[2] = {signed_quad<kBits>(lines[0], q), signed_quad<kBits>(lines[1], q)};
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) {
          const int8x16_t x_i8x16 = broadcast(digits + q * stride + digit);
#pragma GCC unroll 2
          for (int quarter = 0; quarter < 2; ++quarter) {
            int16x8_t &first = sum_i16x8[2 * quarter][digit], &second = sum_i16x8[2 * quarter + 1][digit];
            first = vmlal_s8(first, vget_low_s8(codes_i8x16[quarter]), vget_low_s8(x_i8x16));
            second = vmlal_high_s8(second, codes_i8x16[quarter], x_i8x16);
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int pair = 0; pair < 4; ++pair) {
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) pair_i32x4[pair][digit] = vpadalq_s16(pair_i32x4[pair][digit], sum_i16x8[pair][digit]);
    }
  }
#pragma GCC unroll 6
  for (int at = 0; at < 6; ++at) {
    sums[at] = vaddq_s32(sums[at], vpaddq_s32(pair_i32x4[at / 3 * 2][at % 3], pair_i32x4[at / 3 * 2 + 1][at % 3]));
  }
}

template <int kBits>
inline void add_blocks(const uint8_t* codes, int64_t begin, int64_t end, const int32_t* digits, int64_t stride, int32x4_t (&sums)[4][3]) {
  constexpr int64_t kSpan = 64;  // blocks whose second half is still in the first-level cache
  for (int64_t b = begin; b < end; b += kSpan) {
    const int64_t span_end = end - b < kSpan ? end : b + kSpan;
    add_half<kBits>(codes, 0, b, span_end, digits, stride, sums[0]);
    add_half<kBits>(codes, 1, b, span_end, digits, stride, sums[2]);
  }
}

#endif

}  // namespace
