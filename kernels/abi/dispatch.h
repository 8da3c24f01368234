// Which instruction set the kernels of this process use. Decided once: the best the CPU has, or QUANTWRIGHT_SIMD.
#pragma once
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Rising within an architecture. A CPU may lack a level in the middle: many with AVX-512 have no AVX-VNNI.
typedef enum qw_simd {
  QW_SIMD_SERIAL,
  QW_SIMD_AVX2,        // AVX2 + FMA + F16C
  QW_SIMD_AVXVNNI,     // the above + AVX-VNNI: dpbusd on 256 bits, of CPUs without AVX-512
  QW_SIMD_AVX512,      // AVX-512 F, BW, VL, DQ
  QW_SIMD_AVX512VNNI,  // the above + AVX512_VNNI
  QW_SIMD_AMX,         // the above + AMX tiles of int8 and bf16 (Linux)
  QW_SIMD_NEON,        // Advanced SIMD, which every AArch64 CPU has
  QW_SIMD_NEONDOT,     // the above + sdot and udot (FEAT_DotProd)
  QW_SIMD_LEVELS,
} qw_simd;

// Level in force. Unknown or unavailable QUANTWRIGHT_SIMD: falls back to the best, and qw_simd_problem() says why.
qw_simd qw_simd_level(void);
qw_simd qw_simd_best(void);
int qw_simd_available(qw_simd level);        // whether this CPU, and this build, have it
const char* qw_simd_name(qw_simd level);     // as QUANTWRIGHT_SIMD spells it: "serial", "avx2", "neon", ...
const char* qw_simd_problem(void);           // "" when none
qw_status qw_simd_force(qw_simd level);      // tests: every level on one machine; refuses what the CPU lacks

#ifdef __cplusplus
}
#endif
