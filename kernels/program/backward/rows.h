// Gradients of one row, per instruction set; serial.cc is the specification. `dy` is the gradient of the output; what an input gets is added to its
// gradient, because a value may be read by several operations. sigma = 1 / (1 + e^-x), n = the normed row before its weight, g = dy * weight.
//   rmsnorm     dx += r (g - n mean(g n))                  r = 1 / sqrt(mean(x^2) + eps), n = r x;  dweight += dy n
//   layernorm   dx += s (g - mean(g) - n mean(g n))        s = 1 / sqrt(variance + eps), n = s (x - mean);  dweight += dy n, dbias += dy
//   silu_mul    dgate += dy up sigma (1 + gate (1 - sigma)),  dup += dy gate sigma
//   activate    dx += dy up f'(x),  dup += dy f(x)         f of activate/activate.h
//   attend      p = softmax(scores): what attention weighs values with; scores *= scale, then cap tanh(scores / cap) with slope 1 - (score / cap)^2
//   attended    dp -> scale slope p (dp - sum p dp)        the gradient of q k^T
//   predict     logits -> scale (softmax(logits) - [i = target]), the gradient of cross entropy; returns -log softmax(logits)[target]
#pragma once
#include <stdint.h>

#include "activate/activate.h"

namespace qw {

struct BackwardRows {
  void (*rmsnorm)(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight);
  void (*layernorm)(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight, float* dbias);
  void (*silu_mul)(const float* gate, const float* up, const float* dy, int64_t count, float* dgate, float* dup);
  void (*activate)(qw_activation kind, const float* x, const float* up, float number, const float* dy, int64_t count, float* dx, float* dup);
  void (*attend)(float* scores, int64_t count, float scale, float cap, float* slope);  // slope: NULL without cap
  void (*attended)(const float* p, int64_t count, float scale, const float* slope, float* dp);
  double (*predict)(float* logits, int64_t width, int32_t target, float scale);
  void (*multiply_add)(const float* a, const float* b, int64_t count, float* sum);  // sum += a b
};

extern const BackwardRows backward_rows_serial, backward_rows_avx2, backward_rows_avx512, backward_rows_neon;
const BackwardRows& backward_rows_in_force();

}  // namespace qw
