// The passes over a whole row of logits. Private to kernels/sample. Serial is the specification.
#pragma once
#include <stdint.h>

namespace qw {

// Largest value, -infinity for none. *not_a_number: whether any value is NaN (the largest means nothing then).
using RowLargest = float(const float* x, int64_t count, bool* not_a_number);
RowLargest row_largest_serial, row_largest_avx2, row_largest_avx512, row_largest_neon;

// x[i] = exp((x[i] - top) * inverse_temperature), 0 below e^-104. sums[b] = sum of block b of kWeightBlock elements. Returns the sum of all.
constexpr int64_t kWeightBlock = 512;
using RowWeights = double(float* x, int64_t count, float top, float inverse_temperature, double* sums);
RowWeights row_weights_serial, row_weights_avx2, row_weights_avx512, row_weights_neon;

// Indices of the elements of x[from .. count) that are above the threshold, in rising order, until `room` might not do for one step more.
// Returns where to go on (count: all seen); *found: how many were written. room >= 16.
using RowAbove = int64_t(const float* x, int64_t count, int64_t from, float threshold, int32_t* ids, int64_t room, int64_t* found);
RowAbove row_above_serial, row_above_avx2, row_above_avx512, row_above_neon;

}  // namespace qw
