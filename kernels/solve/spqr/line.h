// The steps of one panel of 32 rows, per instruction set. All levels give the same bits: lanes are rows, and the f32 operations are the same (no FMA).
#pragma once
#include <stdint.h>

#include "abi/codec.h"

// Scale and zero of one group for 32 rows, before they are quantized. With a finite threshold, weights whose removal would lower the group's error by
// more than it are left out of the fit (leave-one-out).
typedef struct qw_spqr_fit {
  int64_t count;          // columns
  const float* w;         // [count][32]
  const float* diagonal;  // [count]: U of the columns
  float top;              // 2^bits - 1
  int symmetric, round_zero;
  float threshold;        // infinite: all weights
  uint8_t* guessed;       // [count][32] scratch
  float *scale, *zero;    // [32] out
} qw_spqr_fit;

// Columns [begin, end) of a block of `count`, which lie in one group.
typedef struct qw_spqr_run {
  int64_t count, begin, end;
  const float* upper;         // U of the block: panels of 32 columns, [count][32] each
  const float *scale, *zero;  // [32]
  float top, threshold;
  qw_type value_type;
  float* w;                   // [count][32] in; columns from `begin` on are moved
  float* codes;               // [count][32] out
  float* minus_error;         // [count][32] out: what later columns are moved by, times their U
  float* outlier;             // [count][32] out: what is added to the code's weight; 0: no outlier
  float* loss;                // [32] += error^2
} qw_spqr_run;

namespace qw {

using SpqrFit = void(const qw_spqr_fit& fit);
using SpqrRun = void(const qw_spqr_run& run);
SpqrFit spqr_fit_serial, spqr_fit_neon, spqr_fit_avx2, spqr_fit_avx512;
SpqrRun spqr_run_serial, spqr_run_neon, spqr_run_avx2, spqr_run_avx512;

}  // namespace qw
