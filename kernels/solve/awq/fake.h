// One group of a row rounded and widened again, in the arithmetic of kernels/solve/rtn.
#pragma once
#include <stdint.h>

#include "solve/rtn/group.h"

namespace qw {

// out[i] = the value that x[i] has after rounding; codes [count] is scratch. `ratio`: of dialect inc.
inline void fake_quantize_group(const qw_rtn_line& line, const qw_rtn_options& options, bool is_signed, float ratio, const float* x, int64_t count,
                                uint8_t* codes, float* out) {
  const qw_rtn_grid grid = qw_rtn_fit_group(line, options, x, count, ratio);
  line.quantize(x, count, &grid, codes);
  const float zero = qw_rtn_stored_zero(&grid);
  if (is_signed) {
    for (int64_t i = 0; i < count; ++i) out[i] = (float(int8_t(codes[i])) - zero) * grid.scale;
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (float(codes[i]) - zero) * grid.scale;
  }
}

}  // namespace qw
