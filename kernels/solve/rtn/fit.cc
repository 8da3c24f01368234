#include "solve/rtn/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace {

struct Range {
  float low, high;  // with 0 inside
  float largest_magnitude() const { return std::max(std::fabs(low), high); }
};

Range around_zero(float smallest, float largest) { return {std::min(smallest, 0.0f), std::max(largest, 0.0f)}; }

float top_code(int bits) { return float((1 << bits) - 1); }
float top_signed_code(int bits) { return float((1 << (bits - 1)) - 1); }

// Half to even; adding 0 turns -0 into 0.
float round_even(float value) { return std::nearbyint(value) + 0.0f; }

qw_rtn_grid signed_grid(int bits, float scale, float zero, qw_rtn_order order) {
  return {scale, zero, -top_signed_code(bits) - 1.0f, top_signed_code(bits), order, 0.0f};
}

// The zero stays a fraction and the range is not extended to 0; a constant group is reproduced by its zero alone.
qw_rtn_grid fit_instant_quant(const qw_rtn_options& options, float smallest, float largest) {
  const float low = options.is_signed ? -top_signed_code(options.bits) - 1.0f : 0.0f;
  float scale = (largest - smallest) / top_code(options.bits);
  if (scale == 0.0f) scale = 1.0f;
  return {scale, low - smallest / scale, low, low + top_code(options.bits), QW_RTN_ADD_CLAMP_ROUND, 0.0f};
}

// The zero is clamped to the codes, and signed codes are computed before it is rounded; unsigned ones after. A group whose values share a sign
// therefore saturates, as in the reference. A constant group has no range of its own there; here 0 is put into it.
qw_rtn_grid fit_dashinfer_cpu(const qw_rtn_options& options, Range range) {
  const float low = options.is_signed ? -top_signed_code(options.bits) - 1.0f : 0.0f, high = low + top_code(options.bits);
  if (range.low == range.high) range = around_zero(range.low, range.high);
  float scale = (range.high - range.low) / top_code(options.bits);
  if (scale == 0.0f) scale = 1.0f;
  const float zero = std::min(std::max(low - range.low / scale, low), high);
  return {scale, options.is_signed ? zero : std::round(zero), low, high, QW_RTN_ADD_CLAMP_ROUND_AWAY, 0.0f};
}

// Shared by ist, qllm and inc when asymmetric.
qw_rtn_grid fit_unsigned(int bits, Range range, float ratio) {
  if (range.low == 0.0f && range.high == 0.0f) range = {-1.0f, 1.0f};
  range = {range.low * ratio, range.high * ratio};
  const float scale = (range.high - range.low) / top_code(bits);
  return {scale, round_even(-range.low / scale), 0.0f, top_code(bits), QW_RTN_ROUND_ADD_CLAMP, 0.0f};
}

// A row without negative values keeps its lower end at 0 and saturates: the reference does so, and so do checkpoints made with it.
qw_rtn_grid fit_ist_symmetric(int bits, Range range, float ratio) {
  const float magnitude = range.largest_magnitude();
  range = {range.low < 0.0f ? -magnitude : range.low, magnitude};
  if (range.low == 0.0f && range.high == 0.0f) range = {-1.0f, 1.0f};
  range = {range.low * ratio, range.high * ratio};
  return {(range.high - range.low) / top_code(bits), float(1 << (bits - 1)), 0.0f, top_code(bits), QW_RTN_ROUND_ADD_CLAMP, 0.0f};
}

qw_rtn_grid fit_qllm_symmetric(int bits, Range range, float ratio) {
  const float magnitude = range.largest_magnitude();
  return signed_grid(bits, (magnitude == 0.0f ? 1.0f : magnitude) * ratio / top_signed_code(bits), 0.0f, QW_RTN_ROUND_ADD_CLAMP);
}

// Full range: the sign of the scale is chosen so that the element of largest magnitude lands on -2^(bits-1).
qw_rtn_grid fit_inc_symmetric(const qw_rtn_options& options, float smallest, float largest, float ratio) {
  float magnitude = std::max(std::fabs(smallest), std::fabs(largest)) * ratio;
  if (magnitude == 0.0f) magnitude = 1.0f;
  if (!options.full_range) return signed_grid(options.bits, magnitude / top_signed_code(options.bits), 0.0f, QW_RTN_ROUND_ADD_CLAMP);
  const float scale = magnitude / float(1 << (options.bits - 1));
  return signed_grid(options.bits, std::fabs(largest) > std::fabs(smallest) ? -scale : scale, 0.0f, QW_RTN_ROUND_ADD_CLAMP);
}

qw_rtn_grid fit_awq(const qw_rtn_options& options, float smallest, float largest) {
  constexpr float kSmallestRange = 1e-5f;
  if (options.symmetric) {
    const float magnitude = std::max(std::max(std::fabs(smallest), std::fabs(largest)), kSmallestRange);
    return signed_grid(options.bits, magnitude / top_signed_code(options.bits), 0.0f, QW_RTN_ROUND_ADD_CLAMP);
  }
  const float top = top_code(options.bits);
  const float scale = std::max(largest - smallest, kSmallestRange) / top;
  const float zero = std::min(std::max(-round_even(smallest / scale), 0.0f), top);
  return {scale, zero + 0.0f, 0.0f, top, QW_RTN_ROUND_ADD_CLAMP, 0.0f};
}

qw_rtn_grid fit_compressed_tensors(const qw_rtn_options& options, Range range) {
  const float top = top_code(options.bits), low = -top_signed_code(options.bits) - 1.0f;
  float scale = options.symmetric ? range.largest_magnitude() / (top / 2.0f) : (range.high - range.low) / top;
  if (scale == 0.0f) scale = std::numeric_limits<float>::epsilon();
  if (options.symmetric) return signed_grid(options.bits, scale, 0.0f, QW_RTN_ADD_CLAMP_ROUND);
  const float zero = std::min(std::max(low - range.low / scale, low), top_signed_code(options.bits));
  return signed_grid(options.bits, scale, round_even(zero), QW_RTN_ADD_CLAMP_ROUND);
}

// The range is divided by 2^bits, not by the top code: -absmax is exact, and +absmax loses a step. Codes are counted from a multiple of the scale, so that the
// zero may lie far outside them. A constant group has no range; its value is the step then, and 1 stands for 0.
qw_rtn_grid fit_zeroquant(const qw_rtn_options& options, float smallest, float largest) {
  const float count = float(1 << options.bits);
  if (options.symmetric) {
    const float scale = 2.0f * std::max(std::fabs(smallest), std::fabs(largest)) / count;
    return signed_grid(options.bits, scale == 0.0f ? 1.0f : scale, 0.0f, QW_RTN_ROUND_ADD_CLAMP);
  }
  float scale = (largest - smallest) / count;
  if (scale == 0.0f) scale = smallest == 0.0f ? 1.0f : std::fabs(smallest);
  return {scale, 0.0f - std::nearbyint(smallest / scale), 0.0f, top_code(options.bits), QW_RTN_SHIFT_ROUND_CLAMP, 0.0f};
}

}  // namespace

int qw_rtn_is_signed(const qw_rtn_options* options) {
  switch (options->dialect) {
    case QW_RTN_INSTANT_QUANT:
    case QW_RTN_DASHINFER_CPU: return options->is_signed != 0;
    case QW_RTN_IST: return 0;
    case QW_RTN_COMPRESSED_TENSORS: return 1;
    case QW_RTN_QLLM:
    case QW_RTN_INC:
    case QW_RTN_AWQ:
    case QW_RTN_ZEROQUANT: break;
  }
  return options->symmetric != 0;
}

float qw_rtn_stored_zero(const qw_rtn_grid* grid) {
  return grid->order == QW_RTN_ADD_CLAMP_ROUND_AWAY ? std::round(grid->zero) + 0.0f : grid->zero;
}

float qw_rtn_stored_scale(const qw_rtn_grid* grid) { return grid->value == 0.0f ? grid->scale : grid->value; }

int qw_rtn_is_signs(const qw_rtn_options* options) { return options->dialect == QW_RTN_ZEROQUANT && options->bits <= 2; }

// |x| / (2 threshold) is above 1/2 just where |x| is above the threshold: half-even rounding gives 0 at the threshold itself. Without one, 0 alone is 0
// (denormals are taken for it); the quotient may be infinite then, and is clamped.
qw_rtn_grid qw_rtn_signs(float threshold, float alpha) {
  const float step = threshold == 0.0f ? std::numeric_limits<float>::min() : 2.0f * threshold;
  return {step, 0.0f, -1.0f, 1.0f, QW_RTN_ROUND_ADD_CLAMP, alpha == 0.0f ? 1.0f : alpha};
}

qw_rtn_grid qw_rtn_fit(const qw_rtn_options* options, float smallest, float largest, float ratio) {
  switch (options->dialect) {
    case QW_RTN_INSTANT_QUANT: return fit_instant_quant(*options, smallest, largest);
    case QW_RTN_DASHINFER_CPU: return fit_dashinfer_cpu(*options, {smallest, largest});
    case QW_RTN_AWQ: return fit_awq(*options, smallest, largest);
    case QW_RTN_ZEROQUANT: return fit_zeroquant(*options, smallest, largest);
    case QW_RTN_COMPRESSED_TENSORS: return fit_compressed_tensors(*options, around_zero(smallest, largest));
    case QW_RTN_IST:
      if (options->symmetric) return fit_ist_symmetric(options->bits, around_zero(smallest, largest), ratio);
      break;
    case QW_RTN_QLLM:
      if (options->symmetric) return fit_qllm_symmetric(options->bits, around_zero(smallest, largest), ratio);
      break;
    case QW_RTN_INC:
      if (options->symmetric) return fit_inc_symmetric(*options, smallest, largest, ratio);
      break;
  }
  return fit_unsigned(options->bits, around_zero(smallest, largest), ratio);
}
