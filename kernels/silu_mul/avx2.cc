#include "cpu/vector_f32.h"
#include "silu_mul/silu_mul.h"

static f32v silu(f32v x) { return div(x, add(all(1.0f), exp_f32(sub(zero(), x)))); }

void qw::silu_mul_avx2(const float* gate, const float* up, float* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, mul(silu(load(gate + i)), load(up + i)));
  if (i < count) store_first(out + i, mul(silu(load_first(gate + i, count - i)), load_first(up + i, count - i)), count - i);
}
