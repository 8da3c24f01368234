// The second level: scales (or zeros) of neighbouring rows at one group, quantized with a scale and zero of their own.
// Source: Vahe1994/SpQR quant_groups.py :: Quantizer.find_params (qq_scale, qq_zero).
#pragma once
#include <stdint.h>

#include "abi/codec.h"

namespace qw {

// values[i] = step * (codes[i] - zero)
struct SpqrSecond {
  float step, zero;
};

// Fits `count` values, makes their codes and replaces them by what the codes give back. step and zero are exact in `type`.
SpqrSecond spqr_second_level(float* values, int count, int bits, bool symmetric, qw_type type, uint8_t* codes);

}  // namespace qw
