#include "rmsnorm/rmsnorm.h"
#include "rmsnorm/vector.h"

void qw::rmsnorm_neon(const float* x, int64_t width, const float* weight, float eps, float* out) {
  rmsnorm_vector(x, width, weight, eps, out);
}
