// The specification of rows.h: sums in f64.
#include <cmath>

#include "program/backward/rows.h"

namespace {

void rmsnorm(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight) {
  double squares = 0, along = 0;
  for (int64_t i = 0; i < width; ++i) squares += double(x[i]) * double(x[i]);
  const double r = 1.0 / std::sqrt(squares / double(width) + double(eps));
  for (int64_t i = 0; i < width; ++i) along += double(dy[i]) * double(weight[i]) * r * double(x[i]);
  along /= double(width);
  for (int64_t i = 0; i < width; ++i) {
    const double n = r * double(x[i]);
    dx[i] += float(r * (double(dy[i]) * double(weight[i]) - n * along));
    dweight[i] += float(double(dy[i]) * n);
  }
}

void layernorm(const float* x, const float* dy, int64_t width, const float* weight, float eps, float* dx, float* dweight, float* dbias) {
  double total = 0, squares = 0, sum = 0, along = 0;
  for (int64_t i = 0; i < width; ++i) total += double(x[i]);
  const double mean = total / double(width);
  for (int64_t i = 0; i < width; ++i) squares += (double(x[i]) - mean) * (double(x[i]) - mean);
  const double s = 1.0 / std::sqrt(squares / double(width) + double(eps));
  for (int64_t i = 0; i < width; ++i) {
    const double g = double(dy[i]) * double(weight[i]);
    sum += g;
    along += g * s * (double(x[i]) - mean);
  }
  sum /= double(width), along /= double(width);
  for (int64_t i = 0; i < width; ++i) {
    const double n = s * (double(x[i]) - mean);
    dx[i] += float(s * (double(dy[i]) * double(weight[i]) - sum - n * along));
    dweight[i] += float(double(dy[i]) * n);
    dbias[i] += dy[i];
  }
}

void silu_mul(const float* gate, const float* up, const float* dy, int64_t count, float* dgate, float* dup) {
  for (int64_t i = 0; i < count; ++i) {
    const double x = double(gate[i]), sigma = 1.0 / (1.0 + std::exp(-x));
    dgate[i] += float(double(dy[i]) * double(up[i]) * sigma * (1.0 + x * (1.0 - sigma)));
    dup[i] += float(double(dy[i]) * x * sigma);
  }
}

struct Point {
  double value, slope;
};

Point point(qw_activation kind, double x, double number) {
  switch (kind) {
    case QW_RELU: return x > 0 ? Point{x, 1} : Point{0, 0};
    case QW_GELU: {
      const double below = 0.5 * (1.0 + std::erf(x * 0.70710678118654752));
      return {x * below, below + x * 0.39894228040143268 * std::exp(-0.5 * x * x)};
    }
    case QW_GELU_TANH: {
      const double t = std::tanh(0.79788456080286536 * (x + 0.044715 * x * x * x));
      const double inner = 0.79788456080286536 * (1.0 + 3 * 0.044715 * x * x);
      return {0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner};
    }
    case QW_SOFTCAP: {
      const double t = std::tanh(x / number);
      return {number * t, 1.0 - t * t};
    }
    default: return {number * x, number};
  }
}

void activate(qw_activation kind, const float* x, const float* up, float number, const float* dy, int64_t count, float* dx, float* dup) {
  for (int64_t i = 0; i < count; ++i) {
    const Point f = point(kind, double(x[i]), double(number));
    dx[i] += float(double(dy[i]) * f.slope * (up == nullptr ? 1.0 : double(up[i])));
    if (up != nullptr) dup[i] += float(double(dy[i]) * f.value);
  }
}

void attend(float* scores, int64_t count, float scale, float cap, float* slope) {
  double maximum = -INFINITY, total = 0;
  for (int64_t i = 0; i < count; ++i) {
    scores[i] *= scale;
    if (cap > 0) {
      const double t = std::tanh(double(scores[i]) / double(cap));
      slope[i] = float(1.0 - t * t);
      scores[i] = float(double(cap) * t);
    }
    maximum = std::fmax(maximum, double(scores[i]));
  }
  for (int64_t i = 0; i < count; ++i) total += std::exp(double(scores[i]) - maximum);
  for (int64_t i = 0; i < count; ++i) scores[i] = float(std::exp(double(scores[i]) - maximum) / total);
}

void attended(const float* p, int64_t count, float scale, const float* slope, float* dp) {
  double mean = 0;
  for (int64_t i = 0; i < count; ++i) mean += double(p[i]) * double(dp[i]);
  for (int64_t i = 0; i < count; ++i) dp[i] = float(double(scale) * (slope == nullptr ? 1.0 : double(slope[i])) * double(p[i]) * (double(dp[i]) - mean));
}

double predict(float* logits, int64_t width, int32_t target, float scale) {
  double maximum = -INFINITY, total = 0;
  for (int64_t i = 0; i < width; ++i) maximum = std::fmax(maximum, double(logits[i]));
  for (int64_t i = 0; i < width; ++i) total += std::exp(double(logits[i]) - maximum);
  const double nll = std::log(total) + maximum - double(logits[target]);
  for (int64_t i = 0; i < width; ++i) {
    logits[i] = float(double(scale) * (std::exp(double(logits[i]) - maximum) / total - (i == target ? 1.0 : 0.0)));
  }
  return nll;
}

void multiply_add(const float* a, const float* b, int64_t count, float* sum) {
  for (int64_t i = 0; i < count; ++i) sum[i] += a[i] * b[i];
}

}  // namespace

extern const qw::BackwardRows qw::backward_rows_serial = {rmsnorm, layernorm, silu_mul, activate, attend, attended, predict, multiply_add};
