// Which instruction set the kernels of this process use. Decided once: the best the CPU has, or QUANTWRIGHT_SIMD.
#pragma once
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_simd {
  QW_SIMD_SERIAL = 0,
  QW_SIMD_AVX2 = 1,        // AVX2 + FMA + F16C
  QW_SIMD_AVX512 = 2,      // AVX-512 F, BW, VL, DQ
  QW_SIMD_AVX512VNNI = 3,  // the above + AVX512_VNNI
  QW_SIMD_COUNT = 4,
} qw_simd;

// Level in force. Unknown or unavailable QUANTWRIGHT_SIMD: falls back to the best, and qw_simd_problem() says why.
qw_simd qw_simd_level(void);
qw_simd qw_simd_best(void);
const char* qw_simd_name(qw_simd level);     // "serial", "avx2", "avx512", "avx512vnni"
const char* qw_simd_problem(void);           // "" when none
qw_status qw_simd_force(qw_simd level);      // tests: every level on one machine; refuses what the CPU lacks

#ifdef __cplusplus
}
#endif
