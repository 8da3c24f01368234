// Codes of 2, 3, 4 or 8 bits, packed 16 at a time in 2 * bits bytes: 16 positions of a channel (keys), or 16 channels of a position (values).
//   8 bits  byte i: code i
//   4 bits  byte i: code i in the low half, code i + 8 in the high half
//   2 bits  byte i: codes i, i + 4, i + 8, i + 12 from the low bits up
//   3 bits  their low 2 bits as above, then bit 2 of code i at bit i of 16
#pragma once
#include <stdint.h>
#include <string.h>

namespace qw {

inline int64_t kv_pack_bytes(int bits) { return 2 * bits; }

inline void kv_set_code(int bits, uint8_t* packed, int64_t i, uint8_t code) {
  const auto put = [](uint8_t& byte, int shift, int width, unsigned value) {
    const unsigned mask = ((1u << width) - 1u) << shift;
    byte = uint8_t((byte & ~mask) | (value << shift));
  };
  if (bits == 8) {
    packed[i] = code;
  } else if (bits == 4) {
    put(packed[i % 8], int(i / 8) * 4, 4, code);
  } else {
    put(packed[i % 4], int(i / 4) * 2, 2, code & 3u);
    if (bits == 3) put(packed[4 + i / 8], int(i % 8), 1, unsigned(code) >> 2);
  }
}

inline uint8_t kv_code(int bits, const uint8_t* packed, int64_t i) {
  if (bits == 8) return packed[i];
  if (bits == 4) return uint8_t(packed[i % 8] >> (i / 8 * 4) & 15);
  const unsigned low = packed[i % 4] >> (i / 4 * 2) & 3u;
  return uint8_t(bits == 2 ? low : low | (packed[4 + i / 8] >> (i % 8) & 1u) << 2);
}

}  // namespace qw
