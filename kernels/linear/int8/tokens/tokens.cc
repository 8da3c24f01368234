// The rules: from the range of a row to how it is rounded (tokens.h). In f32, in the order of the references.
#include "linear/int8/tokens/tokens.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/pick.h"

namespace {

constexpr float kLeastAbsmax = 1e-5f;               // SmoothQuant's fake quantization: clamp_(min=1e-5)
constexpr float kLeastScale = 1.1920928955078125e-07f;  // eps of torch's observers
constexpr uint32_t kInfinity = 0x7f800000u;

float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

struct Chosen {
  qw_int8_rounding rounding;
  float scale;
  double zero;
};

constexpr Chosen kNothing = {{0, 0, 0, 0, 0, 0}, 0, 0};
const Chosen kNotFinite = {{0, 0, 0, 0, 0, 0}, NAN, 0};

Chosen dashinfer(float absmax, int most_code) {
  const float m = float(most_code), inverse = m / absmax;
  if (!std::isfinite(inverse)) return {{0, 0, 0, 0, 0, 0}, absmax / m, 0};  // zeros, denormal numbers
  return {{0, 0, inverse, -m - 1, m, 0}, absmax / m, 0};
}

Chosen smoothquant(float absmax, int most_code) {
  const float m = float(most_code), scale = std::max(absmax, kLeastAbsmax) / m;
  return {{1, 0, scale, -m, m, 0}, scale, 0};
}

// A row of zeros would divide by 0: its scale is 1.
Chosen zeroquant_symmetric(float absmax, int most_code) {
  const float m = float(most_code), scale = 2 * absmax / (2 * (m + 1));
  if (!std::isfinite(scale)) return kNotFinite;
  const float step = scale > 0 ? scale : 1.0f;
  return {{1, 0, step, -m - 1, m, 0}, step, 0};
}

// The reference adds rint(least / scale) * scale again; that is least for a row of equal values, whose scale would be 0.
Chosen zeroquant(float least, float most, int most_code) {
  const int half = most_code + 1;
  float scale = (most - least) / float(2 * half);
  if (!std::isfinite(scale)) return kNotFinite;
  if (scale == 0) scale = least == 0 ? 1.0f : std::fabs(least);
  const float steps = std::nearbyint(least / scale);
  return {{1, steps * scale, scale, 0, float(2 * half - 1), -half}, scale, -double(steps) - half};
}

Chosen with_zero(float scale, int zero, int bits) {
  const int half = 1 << (bits - 1);
  return {{0, 0, 1.0f / scale, float(-zero), float(2 * half - 1 - zero), zero - half}, scale, double(zero - half)};
}

Chosen affine(float least, float most, int bits) {
  const float codes = float((1 << bits) - 1), low = std::min(least, 0.0f), high = std::max(most, 0.0f);
  const float scale = std::max((high - low) / codes, kLeastScale);
  if (!std::isfinite(scale)) return kNotFinite;
  return with_zero(scale, int(std::clamp(-std::nearbyint(low / scale), 0.0f, codes)), bits);
}

Chosen choose(const qw_activations& activations, const qw_int8_range& range) {
  const float absmax = from_bits(range.magnitude);
  const int most_code = (1 << (activations.bits - 1)) - 1;
  if (range.magnitude >= kInfinity) return kNotFinite;
  if (activations.kind == QW_ACTIVATION_TENSOR) return with_zero(activations.scale, activations.zero, activations.bits);
  switch (activations.rule) {
    case QW_ACTIVATION_DASHINFER: return dashinfer(absmax, most_code);
    case QW_ACTIVATION_SMOOTHQUANT: return smoothquant(absmax, most_code);
    case QW_ACTIVATION_ZEROQUANT:
      return activations.symmetric ? zeroquant_symmetric(absmax, most_code) : zeroquant(range.least, range.most, most_code);
    case QW_ACTIVATION_AFFINE: return affine(range.least, range.most, activations.bits);
  }
  return kNothing;
}

}  // namespace

qw_int8_token qw_int8_quantize(const qw_activations* activations, const float* x, int64_t cols, int8_t* q) {
  static constexpr qw::Version<const qw_int8_tokens> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_int8_tokens_serial},
      QW_X86({QW_SIMD_AVX2, &qw_int8_tokens_avx2}, {QW_SIMD_AVX512, &qw_int8_tokens_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_int8_tokens_neon})
  };
  const qw_int8_tokens& tokens = *qw::best_version(kVersions);
  const Chosen chosen = choose(*activations, tokens.range(x, cols));
  if (chosen.rounding.step == 0) {
    std::memset(q, 0, size_t(cols));
    return {chosen.scale, 0, 0};
  }
  return {chosen.scale, tokens.round(x, cols, &chosen.rounding, q), chosen.zero};
}

int qw_int8_has_zeros(const qw_activations* activations) {
  if (activations->kind == QW_ACTIVATION_TENSOR) return activations->zero != 1 << (activations->bits - 1);
  return activations->kind == QW_ACTIVATION_TOKEN && !activations->symmetric;
}
