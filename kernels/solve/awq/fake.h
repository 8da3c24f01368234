// One group of a row rounded and widened again, in the arithmetic of kernels/solve/rtn.
#pragma once
#include <stdint.h>

#include "solve/rtn/group.h"

namespace qw {

// How a matrix is rounded whose ranges were searched already: without a search of its own.
struct FakeQuantize {
  qw_rtn_options rounding;
  bool is_signed = false;
  int64_t groups = 0, group_size = 0;

  qw_status of(const qw_rtn_options& options, int64_t rows, int64_t cols) {
    rounding = options;
    rounding.mse = 0;
    group_size = rounding.group_size == -1 ? cols : rounding.group_size;
    int with_sign = 0;
    const qw_status planned = qw_rtn_plan(&rounding, rows, cols, &with_sign, &groups);
    is_signed = with_sign != 0;
    return planned;
  }
};

// out[i] = the value that x[i] has after rounding; codes [count] is scratch. `ratio`: of dialect inc.
inline void fake_quantize_group(const qw_rtn_line& line, const FakeQuantize& plan, float ratio, const float* x, int64_t count,
                                uint8_t* codes, float* out) {
  const qw_rtn_grid grid = qw_rtn_fit_group(line, plan.rounding, x, count, ratio);
  line.quantize(x, count, &grid, codes);
  const float zero = qw_rtn_stored_zero(&grid), scale = qw_rtn_stored_scale(&grid);
  if (plan.is_signed) {
    for (int64_t i = 0; i < count; ++i) out[i] = (float(int8_t(codes[i])) - zero) * scale;
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (float(codes[i]) - zero) * scale;
  }
}

}  // namespace qw
