// What rounding does to the weights of one group, per instruction set. All levels give the same codes: the f32 operations are the same.
//
// Cost: one IEEE division a weight (16 in 10 to 16 cycles) leads; range, rounding and error are about 12 instructions a vector.
#pragma once
#include <stdint.h>

#include "solve/rtn/fit.h"

typedef enum qw_rtn_norm { QW_RTN_SQUARE = 0, QW_RTN_POWER_2_4 = 1 } qw_rtn_norm;

typedef struct qw_rtn_line {
  void (*range)(const float* x, int64_t count, float* smallest, float* largest);  // of finite values
  // Sum and number of the |x| above `threshold`; finite values.
  void (*magnitudes)(const float* x, int64_t count, float threshold, double* sum, int64_t* number);
  // Bits of the largest |x|: 0x7f800000 and above when one is infinite or NaN.
  uint32_t (*magnitude)(const float* x, int64_t count);
  void (*quantize)(const float* x, int64_t count, const qw_rtn_grid* grid, uint8_t* codes);
  // sum |x' - x|^norm on the grid, without writing codes (searches).
  double (*distance)(const float* x, int64_t count, const qw_rtn_grid* grid, qw_rtn_norm norm);
  // Adds sum x^2 and sum (x - (code - zero) * scale)^2.
  void (*error)(const float* x, int64_t count, const uint8_t* codes, int is_signed, float scale, float zero, double* signal, double* noise);
} qw_rtn_line;

extern const qw_rtn_line qw_rtn_line_serial;
extern const qw_rtn_line qw_rtn_line_avx2;
extern const qw_rtn_line qw_rtn_line_avx512;
extern const qw_rtn_line qw_rtn_line_neon;
