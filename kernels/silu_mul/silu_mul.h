// out[i] = gate[i] / (1 + exp(-gate[i])) * up[i], f32; out may be gate or up.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_silu_mul(const float* gate, const float* up, float* out, int64_t count, qw_pool* pool);

namespace qw {
using SiluMul = void(const float* gate, const float* up, float* out, int64_t count);
SiluMul silu_mul_serial, silu_mul_avx2, silu_mul_avx512, silu_mul_neon;
}  // namespace qw
