// The kernel of silu_mul.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline f32v silu(f32v x) { return div(x, add(all(1.0f), exp_f32(sub(zero(), x)))); }

inline void silu_mul_vector(const float* gate, const float* up, float* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, mul(silu(load(gate + i)), load(up + i)));
  if (i < count) store_first(out + i, mul(silu(load_first(gate + i, count - i)), load_first(up + i, count - i)), count - i);
}

}  // namespace
