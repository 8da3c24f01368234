// NEON: unpacks a quarter of a block of a grouped codec (grouped.h) into bytes. Quad q of a quarter: 4 rows x columns 4 q .. 4 q + 3, one
// code a byte, 4 bytes a row. Include only from neon.cc and neondot.cc files.
//
//   Quads<bits>::kCount                      quads of a block
//   Quads<bits>::load(codes, b, quarter)     rows 4 quarter .. 4 quarter + 3 of the lines of block b of the tile whose codes begin at `codes`
//   Quads<bits>::quad(lines, q)              one quad; 0 to 4 instructions. NEON shifts bytes, so that nothing crosses from one to the next
#pragma once
#include <arm_neon.h>

#include "linear/grouped/grouped.h"

namespace {

inline uint8x16_t load_quarter(const uint8_t* codes, int64_t line, int quarter) { return vld1q_u8(codes + line * QW_LINE_BYTES + quarter * 16); }

// `left` may be negative; a constant where the caller's loop is unrolled.
inline uint8x16_t shift_bytes(uint8x16_t bytes, int left) {
  switch (left) {
    case 4: return vshlq_n_u8(bytes, 4);
    case 3: return vshlq_n_u8(bytes, 3);
    case 2: return vshlq_n_u8(bytes, 2);
    case 1: return vshlq_n_u8(bytes, 1);
    case -1: return vshrq_n_u8(bytes, 1);
    case -2: return vshrq_n_u8(bytes, 2);
    case -4: return vshrq_n_u8(bytes, 4);
    case -6: return vshrq_n_u8(bytes, 6);
    default: return bytes;
  }
}
inline uint8x16_t nibble_of_line(uint8x16_t line, int odd) { return odd != 0 ? vshrq_n_u8(line, 4) : vandq_u8(line, vdupq_n_u8(15)); }
// low | (high shifted left by `left`) & mask
inline uint8x16_t join_bits(uint8x16_t low, uint8x16_t high, int left, uint8_t mask) {
  return vorrq_u8(low, vandq_u8(shift_bytes(high, left), vdupq_n_u8(mask)));
}
// The 4 bits a byte of block b in a line that two blocks share, as low nibbles (bits above them are the other block's).
inline uint8x16_t shared_quarter(const uint8_t* codes, int64_t line, int64_t b, int quarter) {
  return vshlq_u8(load_quarter(codes, line, quarter), vdupq_n_s8(int8_t((b & 1) * -4)));
}

template <int kBits>
struct Quads;

template <>
struct Quads<8> {
  static constexpr int kCount = 1;
  using Lines = uint8x16_t;
  static Lines load(const uint8_t* codes, int64_t b, int quarter) { return load_quarter(codes, b, quarter); }
  static uint8x16_t quad(const Lines& line, int) { return line; }
};

template <>
struct Quads<4> {
  static constexpr int kCount = 2;
  using Lines = uint8x16_t;
  static Lines load(const uint8_t* codes, int64_t b, int quarter) { return load_quarter(codes, b, quarter); }
  static uint8x16_t quad(const Lines& line, int q) { return nibble_of_line(line, q); }
};

template <>
struct Quads<2> {
  static constexpr int kCount = 4;
  using Lines = uint8x16_t;
  static Lines load(const uint8_t* codes, int64_t b, int quarter) { return load_quarter(codes, b, quarter); }
  static uint8x16_t quad(const Lines& line, int q) { return q == 3 ? vshrq_n_u8(line, 6) : vandq_u8(shift_bytes(line, -2 * q), vdupq_n_u8(3)); }
};

template <>
struct Quads<3> {
  static constexpr int kCount = 4;
  struct Lines {
    uint8x16_t low, high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int quarter) {
    int64_t high;
    const int64_t low = qw_grouped_line(3, b, &high);
    return {load_quarter(codes, low, quarter), shared_quarter(codes, high, b, quarter)};
  }
  static uint8x16_t quad(const Lines& lines, int q) { return join_bits(Quads<2>::quad(lines.low, q), lines.high, 2 - q, 4); }
};

template <>
struct Quads<5> {
  static constexpr int kCount = 4;
  struct Lines {
    uint8x16_t low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int quarter) {
    int64_t high;
    const int64_t low = qw_grouped_line(5, b, &high);
    return {{load_quarter(codes, low, quarter), load_quarter(codes, low + 1, quarter)}, shared_quarter(codes, high, b, quarter)};
  }
  static uint8x16_t quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - q, 16); }
};

template <>
struct Quads<6> {
  static constexpr int kCount = 4;
  struct Lines {
    uint8x16_t low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int quarter) {
    int64_t high;
    const int64_t low = qw_grouped_line(6, b, &high);
    return {{load_quarter(codes, low, quarter), load_quarter(codes, low + 1, quarter)}, load_quarter(codes, high, quarter)};
  }
  static uint8x16_t quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - 2 * q, 48); }
};

// Quad q as signed bytes. Codes of up to 6 bits are; of q8 the top bit is flipped, which takes 128 from a code.
template <int kBits>
inline int8x16_t signed_quad(const typename Quads<kBits>::Lines& lines, int q) {
  const uint8x16_t bytes = Quads<kBits>::quad(lines, q);
  return vreinterpretq_s8_u8(kBits == 8 ? veorq_u8(bytes, vdupq_n_u8(0x80)) : bytes);
}

}  // namespace
