// 8 f32 in two NEON vectors, and 4 x 4 blocks of them stored as columns of a panel. Include only from neon.cc files.
#pragma once
#include <arm_neon.h>
#include <stdint.h>

namespace {

struct Eight {
  float32x4_t low, high;
};

// memcpy: weights may be unaligned, which vld1q is not for.
inline Eight load_eight(const float* at) {
  Eight eight;
  __builtin_memcpy(&eight.low, at, 16);
  __builtin_memcpy(&eight.high, reinterpret_cast<const char*>(at) + 16, 16);
  return eight;
}

// The first `count` < 8, zeros after them; never reads past them.
inline Eight load_eight(const float* at, int64_t count) {
  float lanes[8] = {};
  __builtin_memcpy(lanes, at, static_cast<unsigned long>(count) * sizeof lanes[0]);
  return load_eight(lanes);
}

inline float add_lanes(const Eight& eight) { return vaddvq_f32(vaddq_f32(eight.low, eight.high)); }

// Lane c of vector r goes to lane r of column c: to[c * 16], for the first `columns` of 4.
inline void store_transposed(const float32x4_t (&v)[4], float* to, int64_t columns) {
  const float32x4_t even_low = vtrn1q_f32(v[0], v[1]), odd_low = vtrn2q_f32(v[0], v[1]);
  const float32x4_t even_high = vtrn1q_f32(v[2], v[3]), odd_high = vtrn2q_f32(v[2], v[3]);
  const float32x4_t out[4] = {vcombine_f32(vget_low_f32(even_low), vget_low_f32(even_high)),
                              vcombine_f32(vget_low_f32(odd_low), vget_low_f32(odd_high)),
                              vcombine_f32(vget_high_f32(even_low), vget_high_f32(even_high)),
                              vcombine_f32(vget_high_f32(odd_low), vget_high_f32(odd_high))};
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    if (c < columns) vst1q_f32(to + c * 16, out[c]);
  }
}

}  // namespace
