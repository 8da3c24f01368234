#include "program/backward/inputs.h"

#include <algorithm>
#include <cmath>

#include "cpu/parallel.h"

namespace {

constexpr int64_t kElementsPerChunk = 16384;
// Codes around zeros nearer than this round as `nearest` does.
constexpr float kFarthestZero = 1 << 20;

// x' = q s where not symmetric is (q - zero) s; codes are q = clamp(rint(x / s) + zero, low, high).
struct Grid {
  float scale, zero, low, high;
};

struct Range {
  float low, high;
  float absmax() const { return std::max(-low, high); }
};

// In columns of their own, which compilers keep in vectors.
Range range_of(const float* x, int64_t cols) {
  constexpr int64_t kColumns = 16;
  float low[kColumns], high[kColumns];
  std::fill(low, low + kColumns, x[0]), std::fill(high, high + kColumns, x[0]);
  int64_t c = 0;
  for (; c + kColumns <= cols; c += kColumns) {
    for (int64_t i = 0; i < kColumns; ++i) low[i] = std::min(low[i], x[c + i]), high[i] = std::max(high[i], x[c + i]);
  }
  for (; c < cols; ++c) low[0] = std::min(low[0], x[c]), high[0] = std::max(high[0], x[c]);
  return {*std::min_element(low, low + kColumns), *std::max_element(high, high + kColumns)};
}

// rint of |x| < 2^22, half-even, without a call: behind the sum there is no bit for a fraction. Codes are clamped before, which their integer bounds allow.
float nearest(float x) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23
  return (x + kWhole) - kWhole;
}

float clamped(float x, float low, float high) { return std::min(std::max(x, low), high); }

// A row of one value has no range: its scale is 1, where the reference divides by 0.
float scale_or_one(float scale) { return scale > 0 ? scale : 1.0f; }

Grid grid_of(const qw_activations& inputs, const float* x, int64_t cols) {
  const float levels = float(1 << inputs.bits), half = levels / 2;
  const Range range = range_of(x, cols);
  if (inputs.rule == QW_ACTIVATION_SMOOTHQUANT) return {std::max(range.absmax(), 1e-5f) / (half - 1), 0, -half, half - 1};
  if (inputs.rule == QW_ACTIVATION_ZEROQUANT && inputs.symmetric != 0) return {scale_or_one(2 * range.absmax() / levels), 0, -half, half - 1};
  if (inputs.rule == QW_ACTIVATION_ZEROQUANT) {
    const float scale = scale_or_one((range.high - range.low) / levels);
    return {scale, -std::rint(range.low / scale), 0, levels - 1};
  }
  const float low = std::min(range.low, 0.0f), high = std::max(range.high, 0.0f), scale = scale_or_one((high - low) / (levels - 1));
  return {scale, std::min(std::max(-std::rint(low / scale), 0.0f), levels - 1), 0, levels - 1};
}

void round_row(const qw_activations& inputs, const float* x, int64_t cols, float* out) {
  const float high = float((1 << (inputs.bits - 1)) - 1);
  if (inputs.kind == QW_ACTIVATION_TENSOR) {
    const float most = float((1 << inputs.bits) - 1), zero = float(inputs.zero), by = 1.0f / inputs.scale;
    for (int64_t c = 0; c < cols; ++c) out[c] = nearest(clamped(x[c] * by, -zero, most - zero)) * inputs.scale;
    return;
  }
  if (inputs.rule == QW_ACTIVATION_DASHINFER) {
    const float absmax = range_of(x, cols).absmax(), by = absmax > 0 ? high / absmax : 0.0f, scale = absmax / high;
    for (int64_t c = 0; c < cols; ++c) out[c] = nearest(clamped(x[c] * by, -high - 1, high)) * scale;
    return;
  }
  const Grid grid = grid_of(inputs, x, cols);
  if (std::fabs(grid.zero) < kFarthestZero) {
    const float low = grid.low - grid.zero, high = grid.high - grid.zero;
    for (int64_t c = 0; c < cols; ++c) out[c] = nearest(clamped(x[c] / grid.scale, low, high)) * grid.scale;
    return;
  }
  for (int64_t c = 0; c < cols; ++c) out[c] = (clamped(std::rint(x[c] / grid.scale) + grid.zero, grid.low, grid.high) - grid.zero) * grid.scale;
}

}  // namespace

qw_status qw::check_rounded_inputs(const qw_activations& inputs) {
  if (inputs.kind != QW_ACTIVATION_TOKEN && inputs.kind != QW_ACTIVATION_TENSOR) {
    return qw_error(QW_UNSUPPORTED, "only activations with one scale a token or a tensor have gradients.");
  }
  if (inputs.bits < 2 || inputs.bits > 8) return qw_error(QW_INVALID_ARGUMENT, "activations of %d bits; 2 to 8 are possible.", inputs.bits);
  if (inputs.kind == QW_ACTIVATION_TENSOR && !(inputs.scale > 0 && std::isfinite(inputs.scale))) {
    return qw_error(QW_INVALID_ARGUMENT, "the scale of activations must be above 0, not %g.", double(inputs.scale));
  }
  return qw_ok();
}

void qw::rounded_inputs(const qw_activations& inputs, const float* x, int64_t rows, int64_t cols, float* out, qw_pool* pool) {
  parallel(pool, rows, std::max<int64_t>(1, kElementsPerChunk / cols), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) round_row(inputs, x + r * cols, cols, out + r * cols);
  });
}
