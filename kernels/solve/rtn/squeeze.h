// A row of codes, one per byte, to its stream of words: eight codes at a time inside a 64-bit register. The same words as pack/pack.cc.
// Cost: 10 instructions for eight codes.
#pragma once
#include <stdint.h>
#include <string.h>

#include "pack/words.h"

namespace qw {

// The low `kBits` bits of eight bytes, side by side.
template <int kBits>
inline uint64_t squeeze_eight(uint64_t codes) {
  constexpr int kGap = 8 - kBits;
  if (kGap == 0) return codes;
  constexpr uint64_t one = (uint64_t(1) << kBits) - 1, two = (uint64_t(1) << (2 * kBits)) - 1;
  codes &= one * 0x0101010101010101u;
  codes = (codes | codes >> kGap) & two * 0x0001000100010001u;
  codes = (codes | codes >> (2 * kGap)) & ((uint64_t(1) << (4 * kBits)) - 1) * 0x0000000100000001u;
  return (codes | codes >> (4 * kGap)) & ((uint64_t(1) << (8 * kBits % 64)) - 1);
}

// codes: padded with anything to a multiple of 32; those behind `cols` count as 0. words: qw_pack_words(cols, kBits) of them, and room up to a multiple of kBits.
// flip: 2^(bits-1) to move signed codes up, else 0.
template <int kBits>
inline void squeeze_row(uint8_t* codes, int64_t cols, uint8_t flip, uint32_t* words) {
  const uint64_t flips = flip * 0x0101010101010101u;
  for (int64_t i = cols; i % QW_PACK_RUN != 0; ++i) codes[i] = flip;
  for (int64_t column = 0; column < cols; column += QW_PACK_RUN) {
    unsigned char stream[4 * kBits];
    for (int part = 0; part < 4; ++part) {
      uint64_t eight;
      memcpy(&eight, codes + column + 8 * part, 8);
      const uint64_t squeezed = squeeze_eight<kBits>(eight ^ flips);
      memcpy(stream + kBits * part, &squeezed, kBits);
    }
    memcpy(words + column / QW_PACK_RUN * kBits, stream, 4 * kBits);
  }
}

}  // namespace qw
