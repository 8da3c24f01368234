// vpdpbusd for the AVX-512 VNNI (512-bit) and AVX-VNNI (256-bit) kernels. Include only from avx512vnni.cc and avxvnni.cc files.
#pragma once
#include <immintrin.h>

namespace {

// add_products: acc[lane] += sum of 4 products codes (unsigned) * x (signed), wrapping. As an intrinsic, GCC 12 copies the accumulator to
// another register and back around every use.
#if defined(__AVX512VNNI__)

inline void add_products(__m512i& acc_i32x16, __m512i codes_u8x64, __m512i x_i8x64) {
#if defined(__GNUC__) && !defined(__clang__)
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc_i32x16) : "v"(codes_u8x64), "v"(x_i8x64));
#else
  acc_i32x16 = _mm512_dpbusd_epi32(acc_i32x16, codes_u8x64, x_i8x64);
#endif
}

// The same 4 bytes in every lane.
inline __m512i broadcast_quad(const void* at) {
  int quad;
  __builtin_memcpy(&quad, at, 4);
  return _mm512_set1_epi32(quad);
}

#else

inline void add_products(__m256i& acc_i32x8, __m256i codes_u8x32, __m256i x_i8x32) {
#if defined(__GNUC__) && !defined(__clang__)
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc_i32x8) : "x"(codes_u8x32), "x"(x_i8x32));
#else
  acc_i32x8 = _mm256_dpbusd_avx_epi32(acc_i32x8, codes_u8x32, x_i8x32);
#endif
}

inline __m256i broadcast_quad(const void* at) {
  int quad;
  __builtin_memcpy(&quad, at, 4);
  return _mm256_set1_epi32(quad);
}

#endif

}  // namespace
