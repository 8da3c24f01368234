// Vectors of 8 rows (stream.h) on 256-bit registers. Include only from avx2.cc and avxvnni.cc.
#pragma once
#include <immintrin.h>

#include "linear/load_params.h"

namespace {

struct Lanes {
  static constexpr int kLanes = 8;
  using I = __m256i;
  using F = __m256;
  using C = __m256i;
  static F zero_f() { return _mm256_setzero_ps(); }
  static F set_f(float value) { return _mm256_set1_ps(value); }
  static I set(int32_t value) { return _mm256_set1_epi32(value); }
  static I add(I a, I b) { return _mm256_add_epi32(a, b); }
  static I sub(I a, I b) { return _mm256_sub_epi32(a, b); }
  static I shift_left(I value, I count) { return _mm256_sllv_epi32(value, count); }
  static F to_f(I value) { return _mm256_cvtepi32_ps(value); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F mul_f(F a, F b) { return _mm256_mul_ps(a, b); }
  static I load_bytes(const uint8_t* at) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))); }
  static F load_f(const float* at) { return _mm256_loadu_ps(at); }
  static F load_params(qw_type type, const void* params, int64_t index) { return load_params_f32x8(type, params, index); }
  static F load_some(const float* at, int64_t count) {
    alignas(32) float values[8] = {};
    __builtin_memcpy(values, at, size_t(count) * sizeof(float));
    return _mm256_load_ps(values);
  }
  static void store_some(float* at, F value, int64_t count) {
    alignas(32) float values[8];
    _mm256_store_ps(values, value);
    __builtin_memcpy(at, values, size_t(count) * sizeof(float));
  }
  static void prefetch(const uint8_t* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0); }
  static C load_codes(const uint8_t* at) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(at)); }
  static I broadcast(const int8_t* at) {
    int32_t quad;
    __builtin_memcpy(&quad, at, 4);
    return _mm256_set1_epi32(quad);
  }
  template <int kBits>
  static C quad(C line, int q) {
    if (kBits == 8) return line;
    return _mm256_and_si256(q == 0 ? line : _mm256_srli_epi16(line, 4), _mm256_set1_epi8(15));
  }
};

}  // namespace
