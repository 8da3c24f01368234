// From the range of one group to its quantization grid, one function per dialect. f32 throughout; see README.md for the formulas.
#pragma once
#include "solve/rtn/rtn.h"

typedef enum qw_rtn_order {
  QW_RTN_ROUND_ADD_CLAMP = 0,       // clamp(rint(x / scale) + zero, low, high)
  QW_RTN_ADD_CLAMP_ROUND = 1,       // rint(clamp(x / scale + zero, low, high))
  QW_RTN_ADD_CLAMP_ROUND_AWAY = 2,  // round(clamp(x / scale + zero, low, high)), halves away from zero
} qw_rtn_order;

// x' = (code - stored zero) * scale
typedef struct qw_rtn_grid {
  float scale, zero, low, high;
  qw_rtn_order order;
} qw_rtn_grid;

int qw_rtn_is_signed(const qw_rtn_options* options);

// `ratio` shrinks the range (the steps of a search, inc's quantile); 1 leaves it.
// What is kept of `zero`: the fraction that dashinfer_cpu rounds its codes with is lost.
float qw_rtn_stored_zero(const qw_rtn_grid* grid);

qw_rtn_grid qw_rtn_fit(const qw_rtn_options* options, float smallest, float largest, float ratio);
