// Vectors of 16 rows (stream.h) on 512-bit registers. Include only from avx512*.cc files.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"

namespace {

struct Lanes {
  static constexpr int kLanes = 16;
  using I = __m512i;
  using F = __m512;
  using C = __m512i;
  static F zero_f() { return _mm512_setzero_ps(); }
  static F set_f(float value) { return _mm512_set1_ps(value); }
  static I set(int32_t value) { return _mm512_set1_epi32(value); }
  static I add(I a, I b) { return _mm512_add_epi32(a, b); }
  static I sub(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I shift_left(I value, I count) { return _mm512_sllv_epi32(value, count); }
  static F to_f(I value) { return _mm512_cvtepi32_ps(value); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F mul_f(F a, F b) { return _mm512_mul_ps(a, b); }
  static I load_bytes(const uint8_t* at) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))); }
  static F load_f(const float* at) { return _mm512_loadu_ps(at); }
  static F load_params(qw_type type, const void* params, int64_t index) { return load_params_f32x16(type, params, index); }
  static F load_some(const float* at, int64_t count) { return _mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), at); }
  static void store_some(float* at, F value, int64_t count) { _mm512_mask_storeu_ps(at, __mmask16((1u << count) - 1), value); }
  static void prefetch(const uint8_t* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0); }
  static C load_codes(const uint8_t* at) { return _mm512_load_si512(at); }
  static I broadcast(const int8_t* at) {
    int32_t quad;
    __builtin_memcpy(&quad, at, 4);
    return _mm512_set1_epi32(quad);
  }
  template <int kBits>
  static C quad(C line, int q) {
    if (kBits == 8) return line;
    return _mm512_and_si512(q == 0 ? line : _mm512_srli_epi16(line, 4), _mm512_set1_epi8(15));
  }
};

}  // namespace
