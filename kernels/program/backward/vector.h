// rows.h for the vector width of the including file. Tails are loaded into the first lanes, zeros behind them.
#pragma once
#include <math.h>

#include "activate/vector.h"
#include "cpu/vector_f32.h"
#include "program/backward/rows.h"

namespace {

inline int64_t lanes_at(int64_t i, int64_t count) { return count - i < kLanes ? count - i : kLanes; }
inline void add_first(float* to, f32v x, int64_t lanes) { store_first(to, add(load_first(to, lanes), x), lanes); }

inline void rmsnorm_gradient(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight) {
  f64_sum squares, product;
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t lanes = lanes_at(i, width);
    const f32v a = load_first(x + i, lanes);
    squares.add(mul(a, a));
    product.add(mul(mul(load_first(dy + i, lanes), load_first(weight + i, lanes)), a));
  }
  const double r = inverse_root(squares.total() / double(width) + double(eps));
  const f32v scale = all(float(r)), along = all(float(product.total() * r / double(width)));
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t lanes = lanes_at(i, width);
    const f32v n = mul(load_first(x + i, lanes), scale), d = load_first(dy + i, lanes);
    add_first(dx + i, mul(scale, fma_minus(n, along, mul(d, load_first(weight + i, lanes)))), lanes);
    add_first(dweight + i, mul(d, n), lanes);
  }
}

inline void layernorm_gradient(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight, float* dbias) {
  f64_sum total;
  for (int64_t i = 0; i < width; i += kLanes) total.add(load_first(x + i, lanes_at(i, width)));
  const f32v mean = all(float(total.total() / double(width)));
  f64_sum squares, sum, product;
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t lanes = lanes_at(i, width);
    // Lanes behind the end would count as -mean.
    f32v a = sub(load_first(x + i, lanes), mean);
    if (lanes < kLanes) {
      float rest[kLanes] = {};
      store_first(rest, a, lanes);
      a = load(rest);
    }
    const f32v g = mul(load_first(dy + i, lanes), load_first(weight + i, lanes));
    squares.add(mul(a, a));
    sum.add(g);
    product.add(mul(g, a));
  }
  const double s = inverse_root(squares.total() / double(width) + double(eps));
  const f32v scale = all(float(s)), level = all(float(sum.total() / double(width))), along = all(float(product.total() * s / double(width)));
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t lanes = lanes_at(i, width);
    const f32v n = mul(sub(load_first(x + i, lanes), mean), scale), d = load_first(dy + i, lanes);
    add_first(dx + i, mul(scale, fma_minus(n, along, sub(mul(d, load_first(weight + i, lanes)), level))), lanes);
    add_first(dweight + i, mul(d, n), lanes);
    add_first(dbias + i, d, lanes);
  }
}

inline f32v sigmoid(f32v x) { return div(all(1.0f), add(all(1.0f), exp_f32(sub(zero(), x)))); }

inline void silu_mul_gradient(const float* gate, const float* up, const float* dy, int64_t count, float* dgate, float* dup) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    const f32v x = load_first(gate + i, lanes), d = load_first(dy + i, lanes), sigma = sigmoid(x);
    const f32v slope = mul(sigma, fma(x, sub(all(1.0f), sigma), all(1.0f)));
    add_first(dgate + i, mul(mul(d, load_first(up + i, lanes)), slope), lanes);
    add_first(dup + i, mul(d, mul(x, sigma)), lanes);
  }
}

inline void relu_gradient(const float* x, const float* up, const float* dy, int64_t count, float* dx, float* dup) {
  for (int64_t i = 0; i < count; ++i) {
    const float on = x[i] > 0 ? dy[i] : 0.0f;
    dx[i] += up == nullptr ? on : on * up[i];
    if (up != nullptr && x[i] > 0) dup[i] += dy[i] * x[i];
  }
}

// Phi(x) + x phi(x).
inline f32v gelu_slope(f32v x, float) {
  const f32v size = max(x, sub(zero(), x)), tail = normal_tail(size);
  const f32v below = choose_smaller(add(x, size), 1e-37f, tail, sub(all(1.0f), tail));  // x < 0: x + |x| is 0
  return fma(mul(x, all(0.39894228f)), exp_f32(mul(mul(x, x), all(-0.5f))), below);
}

// x sigmoid(y) with y = 2 sqrt(2 / pi) (x + 0.044715 x^3).
inline f32v gelu_tanh_slope(f32v x, float) {
  const f32v square = mul(x, x), sigma = sigmoid(mul(mul(fma(square, all(0.044715f), all(1.0f)), x), all(1.5957691216057308f)));
  const f32v inner = mul(fma(square, all(3 * 0.044715f), all(1.0f)), all(1.5957691216057308f));
  return fma(mul(x, inner), mul(sigma, sub(all(1.0f), sigma)), sigma);
}

inline f32v softcap_slope(f32v x, float number) {
  const f32v t = mul(softcap(x, number), all(1.0f / number));
  return fma_minus(t, t, all(1.0f));
}

inline f32v scale_slope(f32v, float number) { return all(number); }

template <f32v (*F)(f32v, float), f32v (*Slope)(f32v, float)>
void activation_gradient(const float* x, const float* up, float number, const float* dy, int64_t count, float* dx, float* dup) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    const f32v a = load_first(x + i, lanes), d = load_first(dy + i, lanes);
    const f32v along = mul(d, Slope(a, number));
    add_first(dx + i, up == nullptr ? along : mul(along, load_first(up + i, lanes)), lanes);
    if (up != nullptr) add_first(dup + i, mul(d, F(a, number)), lanes);
  }
}

inline void activate_gradient(qw_activation kind, const float* x, const float* up, float number, const float* dy, int64_t count, float* dx, float* dup) {
  switch (kind) {
    case QW_RELU: return relu_gradient(x, up, dy, count, dx, dup);
    case QW_GELU: return activation_gradient<gelu, gelu_slope>(x, up, number, dy, count, dx, dup);
    case QW_GELU_TANH: return activation_gradient<gelu_tanh, gelu_tanh_slope>(x, up, number, dy, count, dx, dup);
    case QW_SOFTCAP: return activation_gradient<softcap, softcap_slope>(x, up, number, dy, count, dx, dup);
    default: return activation_gradient<scale, scale_slope>(x, up, number, dy, count, dx, dup);
  }
}

inline float largest_of(const float* x, int64_t count) {
  f32v top = all(x[0]);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) top = max(top, load(x + i));
  float most = largest(top);
  for (; i < count; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

// x -> e^(x - shift); the sum of it.
inline double exponents(float* x, int64_t count, float shift) {
  f64_sum sum;
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    const f32v e = exp_f32(sub(load_first(x + i, lanes), all(shift)));
    store_first(x + i, e, lanes);
    sum.add(load_first(x + i, lanes));
  }
  return sum.total();
}

inline void attend_row(float* scores, int64_t count, float scale, float cap, float* slope) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    f32v s = mul(load_first(scores + i, lanes), all(scale));
    if (cap > 0) {
      store_first(slope + i, softcap_slope(s, cap), lanes);
      s = softcap(s, cap);
    }
    store_first(scores + i, s, lanes);
  }
  const f32v inverse = all(float(1.0 / exponents(scores, count, largest_of(scores, count))));
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    store_first(scores + i, mul(load_first(scores + i, lanes), inverse), lanes);
  }
}

inline void attended_row(const float* p, int64_t count, float scale, const float* slope, float* dp) {
  f64_sum product;
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    product.add(mul(load_first(p + i, lanes), load_first(dp + i, lanes)));
  }
  const f32v mean = all(float(product.total())), by = all(scale);
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = lanes_at(i, count);
    f32v d = mul(mul(load_first(p + i, lanes), sub(load_first(dp + i, lanes), mean)), by);
    if (slope != nullptr) d = mul(d, load_first(slope + i, lanes));
    store_first(dp + i, d, lanes);
  }
}

inline double predict_row(float* logits, int64_t width, int32_t target, float scale) {
  const float maximum = largest_of(logits, width), wanted = logits[target];
  const double total = exponents(logits, width, maximum);
  const f32v by = all(float(double(scale) / total));
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t lanes = lanes_at(i, width);
    store_first(logits + i, mul(load_first(logits + i, lanes), by), lanes);
  }
  logits[target] -= scale;
  return ::log(total) + double(maximum) - double(wanted);
}

inline void multiply_add_row(const float* a, const float* b, int64_t count, float* sum) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(sum + i, fma(load(a + i), load(b + i), load(sum + i)));
  for (; i < count; ++i) sum[i] += a[i] * b[i];
}

}  // namespace

#define QW_BACKWARD_ROWS                                                                                                                       \
  {rmsnorm_gradient, layernorm_gradient, silu_mul_gradient, activate_gradient, attend_row, attended_row, predict_row, multiply_add_row}
