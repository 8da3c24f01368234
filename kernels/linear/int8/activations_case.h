// Test support: activations of every rule, the values that hurt, and the fake quantization of the references, in plain f32.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "linear/int8/activations.h"
#include "testing/check.h"

namespace qw_test {

inline qw_activations token_activations(qw_activation_rule rule, int bits, bool symmetric) {
  return {QW_ACTIVATION_TOKEN, bits, rule, symmetric, 0, 0, 0, 0, 0, 0};
}
inline qw_activations tensor_activations(int bits, float scale, int32_t zero) {
  return {QW_ACTIVATION_TENSOR, bits, QW_ACTIVATION_DASHINFER, 0, scale, zero, 0, 0, 0, 0};
}

// Every kind and rule that looks at one row at a time, at these widths.
inline std::vector<qw_activations> every_rule(const std::vector<int>& widths) {
  std::vector<qw_activations> all;
  for (const int bits : widths) {
    all.push_back(token_activations(QW_ACTIVATION_DASHINFER, bits, true));
    all.push_back(token_activations(QW_ACTIVATION_SMOOTHQUANT, bits, true));
    all.push_back(token_activations(QW_ACTIVATION_ZEROQUANT, bits, true));
    all.push_back(token_activations(QW_ACTIVATION_ZEROQUANT, bits, false));
    all.push_back(token_activations(QW_ACTIVATION_AFFINE, bits, false));
    all.push_back(tensor_activations(bits, 0.02f, 1 << (bits - 1)));
    all.push_back(tensor_activations(bits, 0.037f, (1 << bits) / 3));
    all.push_back(tensor_activations(bits, 3.0f, (1 << bits) - 1));
  }
  return all;
}

inline std::string name_of(const qw_activations& a) {
  const char* const rules[] = {"dashinfer", "smoothquant", "zeroquant", "affine"};
  const std::string kind = a.kind == QW_ACTIVATION_TENSOR ? "tensor zero " + std::to_string(a.zero) : rules[a.rule];
  return kind + (a.symmetric ? " int" : " uint") + std::to_string(a.bits);
}

// Rows [10, cols]: normal, zeros, all of one sign, far from 0, one outlier of 1e4, ties, the largest magnitudes, equal values, tiny ones, a ramp.
inline std::vector<float> hard_rows(int64_t cols, Random& random) {
  std::vector<float> x = random.vector(size_t(10 * cols));
  const auto row = [&](int64_t at) { return x.data() + at * cols; };
  for (int64_t k = 0; k < cols; ++k) {
    row(1)[k] = 0;
    row(2)[k] = std::fabs(row(2)[k]) + 0.01f;
    row(3)[k] = -100 + row(3)[k] * 0.001f;
    row(5)[k] = float(k % 255 - 127) + 0.5f;
    row(6)[k] = k % 2 ? 127.0f : -128.0f;
    row(7)[k] = 0.3f;
    row(8)[k] *= 1e-38f;
    row(9)[k] = float(k) / float(cols);
  }
  row(4)[cols / 2] = 1e4f;
  return x;
}

// What one row becomes: unsigned or signed codes as the rule has them, and x' = (code - zero) * scale.
struct Simulated {
  double scale = 0, zero = 0;
  int low = 0;  // the least code: what is kept as a byte is code - low - 2^(bits-1)
  std::vector<int> codes;
};

inline Simulated simulate(const qw_activations& a, const float* x, int64_t cols) {
  const int levels = 1 << a.bits, half = levels / 2;
  float least = x[0], most = x[0], absmax = 0;
  for (int64_t k = 0; k < cols; ++k) {
    least = std::min(least, x[k]);
    most = std::max(most, x[k]);
    absmax = std::max(absmax, std::fabs(x[k]));
  }
  Simulated out;
  const auto each = [&](auto rounded, int low, int high) {
    out.low = low;
    for (int64_t k = 0; k < cols; ++k) out.codes.push_back(int(std::min(double(high), std::max(double(low), double(rounded(x[k]))))));
  };
  const auto shifted = [&](float scale, int zero) {
    out.scale = scale;
    out.zero = zero;
    each([&](float v) { return std::nearbyint(v * (1.0f / scale)) + float(zero); }, 0, levels - 1);
  };
  if (a.kind == QW_ACTIVATION_TENSOR) {
    shifted(a.scale, a.zero);
  } else if (a.rule == QW_ACTIVATION_DASHINFER) {
    const float factor = float(half - 1) / absmax;
    out.scale = absmax / float(half - 1);
    each([&](float v) { return std::isfinite(factor) ? std::nearbyint(v * factor) : 0.0f; }, -half, half - 1);
  } else if (a.rule == QW_ACTIVATION_SMOOTHQUANT) {
    const float scale = std::max(absmax, 1e-5f) / float(half - 1);
    out.scale = scale;
    each([&](float v) { return std::nearbyint(v / scale); }, -half, half - 1);
  } else if (a.rule == QW_ACTIVATION_ZEROQUANT && a.symmetric) {
    const float found = 2 * absmax / float(levels), scale = found > 0 ? found : 1.0f;
    out.scale = scale;
    each([&](float v) { return std::nearbyint(v / scale); }, -half, half - 1);
  } else if (a.rule == QW_ACTIVATION_ZEROQUANT) {
    const float found = (most - least) / float(levels), scale = found > 0 ? found : least == 0 ? 1.0f : std::fabs(least);
    const float zero_point = std::nearbyint(least / scale) * scale;
    out.scale = scale;
    out.zero = -std::nearbyint(least / scale);
    each([&](float v) { return std::nearbyint((v - zero_point) / scale); }, 0, levels - 1);
  } else {
    const float low = std::min(least, 0.0f), high = std::max(most, 0.0f);
    const float scale = std::max((high - low) / float(levels - 1), 1.1920929e-07f);
    shifted(scale, int(std::min(float(levels - 1), std::max(0.0f, -std::nearbyint(low / scale)))));
  }
  return out;
}

}  // namespace qw_test
