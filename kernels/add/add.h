// out[i] = a[i] + b[i], f32; out may be a or b.
#pragma once
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_add(const float* a, const float* b, float* out, int64_t count, qw_pool* pool);

namespace qw {
using Add = void(const float* a, const float* b, float* out, int64_t count);
Add add_serial, add_avx2, add_avx512, add_neon;
}  // namespace qw
