// vpdpbusd for the AVX-512 VNNI kernels. Include only from avx512vnni.cc files.
#pragma once
#include <immintrin.h>

namespace {

// acc[lane] += sum of 4 products codes (unsigned) * x (signed), wrapping. As an intrinsic, GCC 12 copies the accumulator to another
// register and back around every use.
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

}  // namespace
