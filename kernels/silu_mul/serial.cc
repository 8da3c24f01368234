#include <cmath>

#include "silu_mul/silu_mul.h"

void qw::silu_mul_serial(const float* gate, const float* up, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}
