// From the range of one group to its quantization grid, one function per dialect. f32 throughout; see README.md for the formulas.
#pragma once
#include "solve/rtn/rtn.h"

typedef enum qw_rtn_order {
  QW_RTN_ROUND_ADD_CLAMP = 0,       // clamp(rint(x / scale) + zero, low, high)
  QW_RTN_ADD_CLAMP_ROUND = 1,       // rint(clamp(x / scale + zero, low, high))
  QW_RTN_ADD_CLAMP_ROUND_AWAY = 2,  // round(clamp(x / scale + zero, low, high)), halves away from zero
  QW_RTN_SHIFT_ROUND_CLAMP = 3,     // clamp(rint((x + zero * scale) / scale), low, high)
} qw_rtn_order;

// x' = (code - stored zero) * stored scale
typedef struct qw_rtn_grid {
  float scale, zero, low, high;
  qw_rtn_order order;
  float value;  // of code 1 where that is not `scale` (ternary); 0: it is
} qw_rtn_grid;

int qw_rtn_is_signed(const qw_rtn_options* options);

// `ratio` shrinks the range (the steps of a search, inc's quantile); 1 leaves it.
// What is kept of `zero`: the fraction that dashinfer_cpu rounds its codes with is lost.
float qw_rtn_stored_zero(const qw_rtn_grid* grid);
float qw_rtn_stored_scale(const qw_rtn_grid* grid);

// 1 and 2 bits of zeroquant, which need more than a range: qw_rtn_signs instead of qw_rtn_fit.
int qw_rtn_is_signs(const qw_rtn_options* options);
// Codes -1, 0, 1: 0 up to the threshold. alpha: what 1 stands for, the mean of |x| above the threshold; 0 when nothing is.
qw_rtn_grid qw_rtn_signs(float threshold, float alpha);

qw_rtn_grid qw_rtn_fit(const qw_rtn_options* options, float smallest, float largest, float ratio);
