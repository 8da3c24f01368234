// What both solvers of QRazor share: the base grid of one scale group, and reading rows.
#pragma once
#include <stdint.h>

#include "solve/qrazor/sdr.h"

namespace qw {

constexpr int kSdrMostGroup = 128;

struct SdrBase {
  float low, high;  // integers of the first stage
};

inline SdrBase sdr_base_range(const qw_qrazor_options& options) {
  if (!options.symmetric) return {-float((1 << options.base_bits) - 1), float((1 << options.base_bits) - 1)};
  const float top = float((1 << (options.base_bits - 1)) - 1);
  return {-top - 1.0f, top};
}

// Scale of `count` finite values, refitted when options.comp_aware; never 0. groups of options.group_size lie within them.
float sdr_fit_scale(const qw_qrazor_options& options, const float* x, int64_t count);

// Codes of one group on `scale`; returns its shift.
int sdr_round_group(const qw_qrazor_options& options, const float* x, int64_t count, float scale, int8_t* codes);

// Widens row `row` of the source. Returns the first column that is NaN or infinite, -1 when there is none.
int64_t sdr_read_row(const qw_dense& source, int64_t row, float* x);

}  // namespace qw
