#include "silu_mul/silu_mul.h"
#include "silu_mul/vector.h"

void qw::silu_mul_neon(const float* gate, const float* up, float* out, int64_t count) {
  silu_mul_vector(gate, up, out, count);
}
