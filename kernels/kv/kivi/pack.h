// How a group of KIVI is rounded and packed.
#pragma once
#include <algorithm>
#include <cmath>

#include "cpu/half.h"
#include "kv/codes.h"

namespace qw {

inline float kivi_float(float x) { return x; }
inline float kivi_float(qw_half x) { return qw_half_to_float(x); }
inline void kivi_round(float x, float& out) { out = x; }
inline void kivi_round(float x, qw_half& out) { out = qw_float_to_half(x); }

// packed: the 16 codes of a pack (kv/codes.h).
inline void kivi_pack16(int bits, const uint8_t* codes, uint8_t* packed) {
  if (bits == 4) {
    for (int i = 0; i < 8; ++i) packed[i] = uint8_t(codes[i] | codes[i + 8] << 4);
  } else {
    for (int i = 0; i < 4; ++i) packed[i] = uint8_t(codes[i] | codes[i + 4] << 2 | codes[i + 8] << 4 | codes[i + 12] << 6);
  }
}

// Packs a group of `count` values; chunk c of 16 of them begins at x + c * step, its pack at packed + c * pack_step. A last chunk may be short.
// The codes are those of the scale and minimum as they are stored. What is not finite makes the scale NaN, and with it all that is read of the group.
template <typename Element>
void kivi_pack_group(int bits, const float* x, int64_t count, int64_t step, uint8_t* packed, int64_t pack_step, Element* scale, Element* minimum) {
  const float top = float((1 << bits) - 1);
  float low = x[0], high = x[0], nothing = 0;
  for (int64_t c = 0; c * 16 < count; ++c) {
    const float* chunk = x + c * step;
    const int64_t filled = std::min<int64_t>(16, count - c * 16);
    for (int64_t i = 0; i < filled; ++i) {
      low = std::min(low, chunk[i]);
      high = std::max(high, chunk[i]);
      nothing += chunk[i] * 0.0f;  // NaN when one is not finite
    }
  }
  kivi_round((high - low) / top, *scale);
  kivi_round(low, *minimum);
  const float divisor = kivi_float(*scale), from = kivi_float(*minimum);
  const bool finite = nothing == 0 && std::isfinite(divisor);
  if (!finite) kivi_round(NAN, *scale);
  const bool flat = !finite || divisor == 0;
  for (int64_t c = 0; c * 16 < count; ++c) {
    uint8_t codes[16] = {};
    const int64_t filled = std::min<int64_t>(16, count - c * 16);
    for (int64_t i = 0; i < filled && !flat; ++i) {
      const float at = std::min(std::max((x[c * step + i] - from) / divisor, 0.0f), top);
      codes[i] = uint8_t((at + 12582912.0f) - 12582912.0f);  // to the nearest integer, halves to even
    }
    kivi_pack16(bits, codes, packed + c * pack_step);
  }
}

}  // namespace qw
