#include <cmath>

#include "rmsnorm/rmsnorm.h"

void qw::rmsnorm_serial(const float* x, int64_t width, const float* weight, float eps, float* out) {
  double squares = 0;
  for (int64_t i = 0; i < width; ++i) squares += double(x[i]) * double(x[i]);
  const float scale = float(1.0 / std::sqrt(squares / double(width) + double(eps)));
  for (int64_t i = 0; i < width; ++i) out[i] = x[i] * scale * weight[i];
}
