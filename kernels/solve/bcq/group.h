// Solves one group of a row: alpha and signs. See README.md for the algorithm and its source.
#pragma once
#include "solve/bcq/bcq.h"
#include "solve/bcq/line.h"

namespace qw {

// Buffers of `length` weights, a multiple of 16, kept between groups.
struct BcqScratch {
  float* residual;
  uint8_t* codes;  // the result: bit i of codes[k] is the sign of alpha[i]; zero from the group's end to the next multiple of 8
  uint8_t* before;
};

const qw_bcq_line& bcq_line_in_force();
// alpha [bits], in f32. Weights must be finite.
void bcq_solve_group(const qw_bcq_line& line, const qw_bcq_options& options, const float* w, int64_t count, const BcqScratch& scratch,
                     float* alpha);

}  // namespace qw
