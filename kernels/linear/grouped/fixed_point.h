// Activations as 24-bit fixed point, so that integer instructions can multiply them with codes exactly.
//
// One power-of-two unit per row of x and group: x = unit * (65536 h + 256 m + l) with digits h, m, l in -128..127 and
// |error| <= 2^-23 of the group's largest |x| (half of that in most groups). The error of a sum is below that of f32 accumulation, whose
// every step rounds at 2^-24 of the running sum.
//
//   digits  [quad of 4 columns][row of x][h, m, l]  4 bytes each
//
// The digits of all rows lie together, quad by quad: apart, their power-of-two distances would fight for one set of the L1 cache.
#pragma once
#include <stdint.h>

// Groups of up to so many columns keep 255 * 128 * columns in an int32.
#define QW_FIXED_POINT_MOST_COLUMNS 65536

// Power of two that brings `most` (> 0, finite) below 127 * 65536 + 127 * 256 + 127 and above half of it.
static inline float qw_fixed_point_scale(float most) {
  const float most_fixed = 8355711.0f;
  uint32_t bits;
  __builtin_memcpy(&bits, &most, 4);
  int shift = 149 - (int)(bits >> 23);  // most < 2^(exponent field - 126), so most * 2^shift < 2^23
  if (shift > 126) shift = 126;         // tinier values lose digits: below 2^-103 nothing is worth more
  for (;; --shift) {
    const uint32_t power_bits = (uint32_t)(shift + 127) << 23;
    float power;
    __builtin_memcpy(&power, &power_bits, 4);
    if (most * power <= most_fixed) return power;
  }
}
