#include <cmath>

#include "layernorm/layernorm.h"

void qw::layernorm_serial(const float* x, int64_t width, const float* weight, const float* bias, float eps, float* out) {
  double total = 0, squares = 0;
  for (int64_t i = 0; i < width; ++i) total += double(x[i]);
  const double mean = total / double(width);
  for (int64_t i = 0; i < width; ++i) squares += (double(x[i]) - mean) * (double(x[i]) - mean);
  const double scale = 1.0 / std::sqrt(squares / double(width) + double(eps));
  for (int64_t i = 0; i < width; ++i) out[i] = float((double(x[i]) - mean) * scale) * weight[i] + (bias == nullptr ? 0.0f : bias[i]);
}
