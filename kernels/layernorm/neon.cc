#include "layernorm/layernorm.h"
#include "layernorm/vector.h"

void qw::layernorm_neon(const float* x, int64_t width, const float* weight, const float* bias, float eps, float* out) {
  layernorm_vector(x, width, weight, bias, eps, out);
}
