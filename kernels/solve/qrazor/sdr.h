// Significant data razoring (SDR): integers q of one group become r-bit codes and one shift t they share, q' = code * 2^t.
//
//   L = bit length of the largest |q|,  t = max(0, L - r + 1),  magnitude = |q| / 2^t rounded half to even
//
// Source: Lee et al. 2025, "QRazor"; qllm-infer lib/qrazor/qrazor.py :: QRazor.forward; SJuras/QRazor qrazor.py :: QRazor.forward.
#pragma once
#include <stdint.h>

#include "solve/qrazor/qrazor.h"

namespace qw {

// Bits that an integer needs; 0 for 0.
inline int sdr_length(uint32_t magnitude) {
  int length = 0;
  for (; magnitude != 0; magnitude >>= 1) ++length;
  return length;
}

struct SdrGroup {
  int bits, shift;
  qw_qrazor_rule rule;
  uint32_t floor_from;  // magnitudes from here on are cut instead of rounded; none: above every magnitude
};

// The group of integers whose largest magnitude is `most`.
inline SdrGroup sdr_group(uint32_t most, int bits, qw_qrazor_rule rule) {
  const int length = sdr_length(most), shift = length > bits - 1 ? length - bits + 1 : 0;
  // The bound is that of the original for 4 bits, whose code 8 it avoids; wider codes are cut there more often than they need.
  const bool floors = rule == QW_QRAZOR_ORIGINAL && shift > 0;
  return {bits, shift, rule, floors ? (1u << length) - (1u << (length - 4)) : UINT32_MAX};
}

// A group whose shift is given: what is larger than its codes stays at the largest one.
inline SdrGroup sdr_fixed_group(int shift, int bits, qw_qrazor_rule rule) {
  const int length = shift + bits - 1;
  return {bits, shift, rule, rule == QW_QRAZOR_ORIGINAL && shift > 0 ? (1u << length) - (1u << (length - 4)) : UINT32_MAX};
}

inline int sdr_code(int q, const SdrGroup& group) {
  const uint32_t magnitude = q < 0 ? uint32_t(-q) : uint32_t(q);
  uint32_t kept = magnitude >> group.shift;
  if (group.shift > 0 && magnitude < group.floor_from) {
    const uint32_t rest = magnitude & ((1u << group.shift) - 1), half = 1u << (group.shift - 1);
    kept += rest > half || (rest == half && (kept & 1) != 0);
  }
  // Two's complement has one more negative value; the original, which stores a sign and a magnitude, never makes it.
  const uint32_t most = (1u << (group.bits - 1)) - (q < 0 && group.rule == QW_QRAZOR_QLLM ? 0 : 1);
  if (kept > most) kept = most;
  return q < 0 ? -int(kept) : int(kept);
}

// Integer of the first stage: clamp(rint(w / scale), low, high), half to even. |high| < 2^22.
inline int sdr_base(float w, float scale, float low, float high) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves no fraction
  const float ratio = w / scale, clamped = ratio < low ? low : ratio > high ? high : ratio;
  return int((clamped + kRound) - kRound);
}

}  // namespace qw
