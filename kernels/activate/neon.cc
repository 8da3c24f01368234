#include "activate/activate.h"
#include "activate/vector.h"

void qw::activate_neon(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count) {
  activate_vector(kind, x, up, number, out, count);
}
