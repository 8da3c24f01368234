// out[r, i] = x[r, i] * rsqrt(mean_i(x[r, i]^2) + eps) * weight[i]; x and out are row-major [rows, width] f32, out may be x.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_rmsnorm(const float* x, int64_t rows, int64_t width, const float* weight, float eps, float* out, qw_pool* pool);

namespace qw {
using RmsnormRow = void(const float* x, int64_t width, const float* weight, float eps, float* out);
RmsnormRow rmsnorm_serial, rmsnorm_avx2, rmsnorm_avx512, rmsnorm_neon;
}  // namespace qw
