// What a linear with integer activations reads, as floats: every row of x rounded to codes of its own scale and widened again, x' = (q - zero) s
// (linear/int8/activations.h). The product of x' with a matrix whose weights are codes times scales is what the integer kernels compute, but for the
// rounding of sums. For reverse mode, where rounding counts as the identity (straight-through estimation, arXiv 1308.3432).
#pragma once
#include "abi/pool.h"
#include "abi/status.h"
#include "linear/int8/activations.h"

namespace qw {

// Kinds token and tensor of 2 to 8 bits; fails for others.
qw_status check_rounded_inputs(const qw_activations& inputs);
// x, out [rows, cols]; may be the same. Parallel over rows.
void rounded_inputs(const qw_activations& inputs, const float* x, int64_t rows, int64_t cols, float* out, qw_pool* pool);

}  // namespace qw
