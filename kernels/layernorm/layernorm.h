// out[r, i] = (x[r, i] - mean_r) * rsqrt(variance_r + eps) * weight[i] + bias[i]; biased variance over the row (Ba et al., 2016).
// x and out are row-major [rows, width] f32, out may be x; bias may be NULL.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_layernorm(const float* x, int64_t rows, int64_t width, const float* weight, const float* bias, float eps, float* out, qw_pool* pool);

namespace qw {
using LayernormRow = void(const float* x, int64_t width, const float* weight, const float* bias, float eps, float* out);
LayernormRow layernorm_serial, layernorm_avx2, layernorm_avx512, layernorm_neon;
}  // namespace qw
