// IEEE binary16 <-> f32 for the serial kernels, round to nearest even; the same bits as VCVTPS2PH / VCVTPH2PS for every non-NaN value.
// `static`: each file gets its own copy, compiled for its own instruction set.
#pragma once
#include <stdint.h>
#include <string.h>

typedef struct qw_half {
  uint16_t bits;
} qw_half;

static inline float qw_half_to_float(qw_half half) {
  const uint32_t sign = (uint32_t)(half.bits & 0x8000u) << 16;
  const uint32_t exponent = (half.bits >> 10) & 0x1fu, fraction = half.bits & 0x3ffu;
  uint32_t bits;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24 is exact in f32
    const float magnitude = (float)fraction * 5.9604644775390625e-8f;
    memcpy(&bits, &magnitude, 4);
    bits |= sign;
  } else if (exponent == 31) {
    bits = sign | 0x7f800000u | (fraction << 13);
  } else {
    bits = sign | ((exponent + 112u) << 23) | (fraction << 13);
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline qw_half qw_float_to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  qw_half half;
  if (magnitude > 0x7f800000u) {
    half.bits = (uint16_t)(sign | 0x7e00u);  // NaN
  } else if (magnitude >= 0x477ff000u) {
    half.bits = (uint16_t)(sign | 0x7c00u);  // 65520 and above round to infinity
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 the result is a multiple of 2^-24; adding 0.5 puts that unit at the last place of an f32, which rounds to even.
    float shifted;
    memcpy(&shifted, &magnitude, 4);
    shifted += 0.5f;
    uint32_t rounded;
    memcpy(&rounded, &shifted, 4);
    half.bits = (uint16_t)(sign | (rounded - 0x3f000000u));
  } else {
    const uint32_t odd = (magnitude >> 13) & 1u;
    half.bits = (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
  }
  return half;
}
