// QW_PICK(silu_mul): the function pointer for the level in force, of silu_mul_serial, silu_mul_avx2 and silu_mul_avx512.
// Kernels without integer dot products have no VNNI version; AVX-512 serves both levels.
#pragma once
#include "abi/dispatch.h"

namespace qw {

template <typename Function>
Function* pick(Function* serial, Function* avx2, Function* avx512) {
  switch (qw_simd_level()) {
    case QW_SIMD_AVX512VNNI:
    case QW_SIMD_AVX512: return avx512;
    case QW_SIMD_AVX2: return avx2;
    default: return serial;
  }
}

}  // namespace qw

#if defined(__x86_64__)
#define QW_PICK(name) (::qw::pick(name##_serial, name##_avx2, name##_avx512))
#else
#define QW_PICK(name) (name##_serial)
#endif
