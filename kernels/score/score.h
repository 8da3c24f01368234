// Negative log-likelihood in nats of one target per row of logits:
//   nll[r] = log(sum_i exp(logits[r, i] - m)) + m - logits[r, target[r]],   m = max_i logits[r, i]
// exp in f32, the sum and the logarithm in f64. logits [rows, width] f32; 0 <= target < width. NaN logits give NaN.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_score(const float* logits, int64_t rows, int64_t width, const int32_t* targets, double* nll, qw_pool* pool);

namespace qw {
// log(sum_i exp(logits[i])), to f64.
using LogSumExp = double(const float* logits, int64_t width);
LogSumExp log_sum_exp_serial, log_sum_exp_avx2, log_sum_exp_avx512, log_sum_exp_neon;
}  // namespace qw
