// From the range of one group to its quantization grid, one function per dialect. f32 throughout; see README.md for the formulas.
#pragma once
#include "solve/rtn/rtn.h"

// codes = clamp_first ? rint(clamp(x / scale + zero, low, high)) : clamp(rint(x / scale) + zero, low, high)
// x'    = (code - zero) * scale
typedef struct qw_rtn_grid {
  float scale, zero, low, high;
  int clamp_first;
} qw_rtn_grid;

int qw_rtn_is_signed(const qw_rtn_options* options);

// `ratio` shrinks the range (the steps of a search, inc's quantile); 1 leaves it.
qw_rtn_grid qw_rtn_fit(const qw_rtn_options* options, float smallest, float largest, float ratio);
