// The kernel of activate.h for the vector width of the including file.
#pragma once
#include "activate/activate.h"
#include "cpu/softcap.h"
#include "cpu/vector_f32.h"

namespace {

inline f32v relu(f32v x, float) { return max(zero(), x); }  // the second operand is returned when it is NaN

// x sigmoid(2 y) = x / 2 (1 + tanh y): no cancellation where tanh is near -1.
inline f32v gelu_tanh(f32v x, float) {
  const f32v cubic = fma(mul(mul(x, x), all(0.044715f)), x, x);
  const f32v e = exp_f32(mul(cubic, all(-1.5957691216057308f)));
  return div(x, add(all(1.0f), e));
}

// Phi(-size) = erfc(size / sqrt 2) / 2 for size >= 0, by Numerical Recipes' Chebyshev fit of erfc (Press et al., 1992, section 6.2: relative error
// below 1.2e-7), so that the tail keeps its relative precision.
inline f32v normal_tail(f32v size) {
  const f32v z = mul(size, all(0.70710678118654752f));
  const f32v t = div(all(1.0f), fma(z, all(0.5f), all(1.0f)));
  f32v p = all(0.17087277f);
  p = fma(p, t, all(-0.82215223f));
  p = fma(p, t, all(1.48851587f));
  p = fma(p, t, all(-1.13520398f));
  p = fma(p, t, all(0.27886807f));
  p = fma(p, t, all(-0.18628806f));
  p = fma(p, t, all(0.09678418f));
  p = fma(p, t, all(0.37409196f));
  p = fma(p, t, all(1.00002368f));
  p = fma(p, t, all(-1.26551223f));
  return mul(mul(t, all(0.5f)), exp_f32(sub(p, mul(z, z))));
}

inline f32v gelu(f32v x, float) {
  const f32v tail = normal_tail(max(x, sub(zero(), x)));
  // x >= 0: x (1 - tail); x < 0: x tail. max(x, 0) - |x| tail is both. Beyond 100 the tail is 0, and infinity must not meet it.
  const f32v magnitude = sub(zero(), max(all(-100.0f), sub(zero(), max(x, sub(zero(), x)))));
  return sub(max(zero(), x), mul(magnitude, tail));
}

inline f32v scale(f32v x, float number) { return mul(x, all(number)); }

template <f32v (*F)(f32v, float)>
void map(const float* x, const float* up, float number, float* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const f32v y = F(load(x + i), number);
    store(out + i, up == nullptr ? y : mul(y, load(up + i)));
  }
  if (i < count) {
    const int64_t rest = count - i;
    const f32v y = F(load_first(x + i, rest), number);
    store_first(out + i, up == nullptr ? y : mul(y, load_first(up + i, rest)), rest);
  }
}

inline void activate_vector(qw_activation kind, const float* x, const float* up, float number, float* out, int64_t count) {
  switch (kind) {
    case QW_RELU: return map<relu>(x, up, number, out, count);
    case QW_GELU: return map<gelu>(x, up, number, out, count);
    case QW_GELU_TANH: return map<gelu_tanh>(x, up, number, out, count);
    case QW_SOFTCAP: return map<softcap>(x, up, number, out, count);
    default: return map<scale>(x, up, number, out, count);
  }
}

}  // namespace
