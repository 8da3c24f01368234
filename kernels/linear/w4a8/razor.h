// Razored activations (kind razored of linear/int8/activations.h); plain loops that a compiler turns into vectors of the file's instruction set.
// Include only from serial.cc and files of an instruction set. All of them give the same codes: no operation is reordered or fused.
// Source: qllm-infer lib/qrazor/qrazor.py :: QRazor.forward; the original rule: SJuras/QRazor qrazor.py :: QRazor.forward.
#pragma once
#include <stdint.h>
#include <string.h>

#include "linear/w4a8/codec.h"

namespace {

constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23: adding it to what is below 2^22 leaves no fraction, half to even

inline float rounded(float value) { return (value + kRoundToInteger) - kRoundToInteger; }
inline float clamped(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

// Largest |x|; NaN is above infinity.
inline float most_of(const float* x, int64_t cols) {
  uint32_t most = 0;
  for (int64_t k = 0; k < cols; ++k) {
    uint32_t bits;
    memcpy(&bits, x + k, 4);
    bits &= 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  float value;
  memcpy(&value, &most, 4);
  return value;
}

inline bool is_finite(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return (bits & 0x7fffffffu) < 0x7f800000u;
}

// One scale a row for integers of base_bits, of which a group of columns keeps `bits` significant ones:
//   L = bit length of the largest |integer|, t = max(0, L - bits + 1), q = round(integer / 2^t) half to even, factors[group] = 2^t
// group_size divides cols. scale = absmax / (2^(base_bits-1) - 1). A row of zeros has scale 0; one with NaN or infinity that as its scale, and zeros
// as q, so that everything made of it is NaN.
void razor(const qw_activations* settings, const float* x, int64_t cols, int8_t* q, float* scale, float* factors) {
  const qw_activations& activations = *settings;
  const int64_t group_size = activations.group_size, groups = cols / group_size;
  const float top = float((1 << (activations.base_bits - 1)) - 1), most = most_of(x, cols);
  const int bits = activations.bits;
  *scale = is_finite(most) ? most / top : most;
  if (!is_finite(most) || !(*scale > 0)) {
    memset(q, 0, size_t(cols));
    for (int64_t group = 0; group < groups; ++group) factors[group] = 1;
    return;
  }
  const float step = *scale;
  for (int64_t group = 0; group < groups; ++group) {
    const float* from = x + group * group_size;
    int8_t* to = q + group * group_size;
    float integers[128];
    uint32_t largest = 0;
    for (int64_t k = 0; k < group_size; ++k) {
      integers[k] = rounded(clamped(from[k] / step, -top - 1.0f, top));
      const float magnitude = integers[k] < 0 ? -integers[k] : integers[k];
      const uint32_t whole = uint32_t(int32_t(magnitude));
      largest = whole > largest ? whole : largest;
    }
    const int length = largest == 0 ? 0 : 32 - __builtin_clz(largest), shift = length > bits - 1 ? length - bits + 1 : 0;
    const float factor = float(1 << shift), inverse = 1.0f / factor, codes = float(1 << (bits - 1));
    factors[group] = factor;
    // The original keeps a sign and a magnitude, and cuts what would round past the codes (bound of 4 bits: solve/qrazor/sdr.h).
    const float cut = activations.original && shift > 0 ? float((1u << length) - (1u << (length - 4))) : 1e9f;
    const float low = activations.original ? 1.0f - codes : -codes, high = codes - 1.0f;
    for (int64_t k = 0; k < group_size; ++k) {
      const float magnitude = integers[k] < 0 ? -integers[k] : integers[k];
      const float kept = magnitude * inverse, nearest = rounded(kept), floored = nearest > kept ? nearest - 1.0f : nearest;
      const float code = magnitude < cut ? nearest : floored;
      to[k] = int8_t(int32_t(clamped(integers[k] < 0 ? -code : code, low, high)));
    }
  }
}

}  // namespace
