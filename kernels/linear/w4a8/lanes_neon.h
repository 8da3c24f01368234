// Vectors of 4 rows (stream.h) on NEON. Bytes multiply signed ones: the top bit of codes of 8 bits is flipped, which makes them 128 less.
// Include only from neon.cc and neondot.cc.
#pragma once
#include <arm_neon.h>

#include "linear/load_params.h"

namespace {

struct Lanes {
  static constexpr int kLanes = 4;
  using I = int32x4_t;
  using F = float32x4_t;
  using C = int8x16_t;
  static F zero_f() { return vdupq_n_f32(0); }
  static F set_f(float value) { return vdupq_n_f32(value); }
  static I set(int32_t value) { return vdupq_n_s32(value); }
  static I add(I a, I b) { return vaddq_s32(a, b); }
  static I sub(I a, I b) { return vsubq_s32(a, b); }
  static I shift_left(I value, I count) { return vshlq_s32(value, count); }
  static F to_f(I value) { return vcvtq_f32_s32(value); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F mul_f(F a, F b) { return vmulq_f32(a, b); }
  static I load_bytes(const uint8_t* at) {
    uint32_t four;
    __builtin_memcpy(&four, at, 4);
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
  }
  static F load_f(const float* at) { return vld1q_f32(at); }
  static F load_params(qw_type type, const void* params, int64_t index) { return load_params_f32x4(type, params, index); }
  static F load_some(const float* at, int64_t count) {
    float values[4] = {};
    __builtin_memcpy(values, at, size_t(count) * sizeof(float));
    return vld1q_f32(values);
  }
  static void store_some(float* at, F value, int64_t count) {
    float values[4];
    vst1q_f32(values, value);
    __builtin_memcpy(at, values, size_t(count) * sizeof(float));
  }
  static void prefetch(const uint8_t* at) { __builtin_prefetch(at); }
  static C load_codes(const uint8_t* at) { return vreinterpretq_s8_u8(vld1q_u8(at)); }
  static C broadcast(const int8_t* at) {
    int32_t quad;
    __builtin_memcpy(&quad, at, 4);
    return vreinterpretq_s8_s32(vdupq_n_s32(quad));
  }
  template <int kBits>
  static C quad(C line, int q) {
    const uint8x16_t bytes = vreinterpretq_u8_s8(line);
    if (kBits == 8) return vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)));
    return vreinterpretq_s8_u8(q == 0 ? vandq_u8(bytes, vdupq_n_u8(15)) : vshrq_n_u8(bytes, 4));
  }
};

}  // namespace
