// Scalar conversions of f16 (cpu/half.h) and bf16, and typed access to memory that may be unaligned.
// Narrowing rounds half to even; f16 overflow becomes infinity, NaN stays NaN.
#pragma once
#include <stdint.h>
#include <string.h>

#include "abi/codec.h"
#include "cpu/half.h"

static inline uint32_t qw_float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

static inline float qw_float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline float qw_bf16_to_f32(uint16_t half) { return qw_float_from_bits((uint32_t)half << 16); }

static inline uint16_t qw_f32_to_bf16(float value) {
  const uint32_t bits = qw_float_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float qw_f16_to_f32(uint16_t bits) {
  const qw_half half = {bits};
  return qw_half_to_float(half);
}

static inline uint16_t qw_f32_to_f16(float value) { return qw_float_to_half(value).bits; }

static inline int64_t qw_type_bytes(qw_type type) { return type == QW_F32 ? 4 : 2; }

// Element `index` of an array of `type`.
static inline float qw_read_typed(qw_type type, const void* data, int64_t index) {
  const char* at = (const char*)data + index * qw_type_bytes(type);
  if (type == QW_F32) {
    float value;
    memcpy(&value, at, 4);
    return value;
  }
  uint16_t half;
  memcpy(&half, at, 2);
  return type == QW_F16 ? qw_f16_to_f32(half) : qw_bf16_to_f32(half);
}

static inline void qw_write_typed(qw_type type, void* data, int64_t index, float value) {
  char* at = (char*)data + index * qw_type_bytes(type);
  if (type == QW_F32) {
    memcpy(at, &value, 4);
    return;
  }
  const uint16_t half = type == QW_F16 ? qw_f32_to_f16(value) : qw_f32_to_bf16(value);
  memcpy(at, &half, 2);
}

static inline float qw_round_to_type(qw_type type, float value) {
  if (type == QW_F32) return value;
  return type == QW_F16 ? qw_f16_to_f32(qw_f32_to_f16(value)) : qw_bf16_to_f32(qw_f32_to_bf16(value));
}
