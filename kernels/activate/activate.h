// Elementwise functions of one value, times `up` where it is given: out[i] = f(x[i]) * up[i].  out may be x or up.
//   relu       max(x, 0)
//   gelu       x / 2 (1 + erf(x / sqrt 2))                                    Hendrycks and Gimpel, 2016
//   gelu_tanh  x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))              the same paper's approximation: gelu_new, gelu_pytorch_tanh
//   softcap    number * tanh(x / number)                                      Gemma 2 (Team, 2024), section 2
//   scale      number * x
#pragma once
#include <stdint.h>

#include "abi/pool.h"

typedef enum qw_activation { QW_RELU, QW_GELU, QW_GELU_TANH, QW_SOFTCAP, QW_SCALE, QW_ACTIVATION_COUNT } qw_activation;

// up: NULL for none. number: of softcap and scale.
extern "C" void qw_activate(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count, qw_pool* pool);

namespace qw {
using Activate = void(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count);
Activate activate_serial, activate_avx2, activate_avx512, activate_neon;
}  // namespace qw
