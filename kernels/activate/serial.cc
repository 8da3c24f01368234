#include <cmath>

#include "activate/activate.h"

namespace {

float value(qw_activation kind, float x, float number) {
  switch (kind) {
    case QW_RELU: return x < 0 ? 0.0f : x;  // NaN stays NaN
    case QW_GELU: return float(0.5 * double(x) * (1.0 + std::erf(double(x) * 0.70710678118654752)));
    case QW_GELU_TANH: {
      const double d = double(x);
      return float(0.5 * d * (1.0 + std::tanh(0.79788456080286536 * (d + 0.044715 * d * d * d))));
    }
    case QW_SOFTCAP: return number * std::tanh(x / number);
    default: return number * x;
  }
}

}  // namespace

void qw::activate_serial(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float y = value(kind, x[i], number);
    out[i] = up == nullptr ? y : y * up[i];
  }
}
