// AVX-512: unpacks a block of a grouped codec (grouped.h) into bytes. Quad q of a block: 16 rows x columns 4 q .. 4 q + 3, one code a byte,
// 4 bytes a row. Include only from avx512*.cc files.
//
//   Quads<bits>::kCount             quads of a block
//   Quads<bits>::load(codes, b)     the lines of block b of the tile whose codes begin at `codes`
//   Quads<bits>::quad(lines, q)     one quad; 0 to 4 instructions
#pragma once
#include <immintrin.h>

#include "linear/grouped/grouped.h"

namespace {

inline __m512i load_line(const uint8_t* codes, int64_t line) { return _mm512_load_si512(codes + line * QW_LINE_BYTES); }
inline __m512i nibble_of_line(__m512i line, int odd) {
  return _mm512_and_si512(odd != 0 ? _mm512_srli_epi16(line, 4) : line, _mm512_set1_epi8(15));
}
// low | (high shifted left by `left`, which may be negative) & mask
inline __m512i join_bits(__m512i low, __m512i high, int left, char mask) {
  if (left != 0) high = left > 0 ? _mm512_slli_epi32(high, unsigned(left)) : _mm512_srli_epi32(high, unsigned(-left));
  return _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi8(mask), 0xf8);
}
// The 4 bits a byte of block b in a line that two blocks share, as low nibbles (bits above them are the other block's).
inline __m512i shared_line(const uint8_t* codes, int64_t line, int64_t b) {
  return _mm512_srl_epi32(load_line(codes, line), _mm_cvtsi32_si128(int(b & 1) * 4));
}

template <int kBits>
struct Quads;

template <>
struct Quads<8> {
  static constexpr int kCount = 1, kLines2 = 2;  // lines of two blocks
  using Lines = __m512i;
  static Lines load(const uint8_t* codes, int64_t b) { return load_line(codes, b); }
  static __m512i quad(const Lines& line, int) { return line; }
};

template <>
struct Quads<4> {
  static constexpr int kCount = 2, kLines2 = 2;
  using Lines = __m512i;
  static Lines load(const uint8_t* codes, int64_t b) { return load_line(codes, b); }
  static __m512i quad(const Lines& line, int q) { return nibble_of_line(line, q); }
};

template <>
struct Quads<2> {
  static constexpr int kCount = 4, kLines2 = 2;
  using Lines = __m512i;
  static Lines load(const uint8_t* codes, int64_t b) { return load_line(codes, b); }
  static __m512i quad(const Lines& line, int q) {
    return _mm512_and_si512(q == 0 ? line : _mm512_srli_epi32(line, unsigned(2 * q)), _mm512_set1_epi8(3));
  }
};

template <>
struct Quads<3> {
  static constexpr int kCount = 4, kLines2 = 3;
  struct Lines {
    __m512i low, high;
  };
  static Lines load(const uint8_t* codes, int64_t b) {
    int64_t high;
    const int64_t low = qw_grouped_line(3, b, &high);
    return {load_line(codes, low), shared_line(codes, high, b)};
  }
  static __m512i quad(const Lines& lines, int q) { return join_bits(Quads<2>::quad(lines.low, q), lines.high, 2 - q, 4); }
};

template <>
struct Quads<5> {
  static constexpr int kCount = 4, kLines2 = 5;
  struct Lines {
    __m512i low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b) {
    int64_t high;
    const int64_t low = qw_grouped_line(5, b, &high);
    return {{load_line(codes, low), load_line(codes, low + 1)}, shared_line(codes, high, b)};
  }
  static __m512i quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - q, 16); }
};

template <>
struct Quads<6> {
  static constexpr int kCount = 4, kLines2 = 6;
  struct Lines {
    __m512i low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b) {
    int64_t high;
    const int64_t low = qw_grouped_line(6, b, &high);
    return {{load_line(codes, low), load_line(codes, low + 1)}, load_line(codes, high)};
  }
  static __m512i quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - 2 * q, 48); }
};

// Fetches about what block b needs, 2 KiB ahead of it.
template <int kBits>
inline void prefetch_ahead(const uint8_t* codes, int64_t b) {
  const char* at = reinterpret_cast<const char*>(codes) + b * (Quads<kBits>::kLines2 * QW_LINE_BYTES / 2) + 2048;
#pragma GCC unroll 3
  for (int line = 0; line < (Quads<kBits>::kLines2 + 1) / 2; ++line) _mm_prefetch(at + line * QW_LINE_BYTES, _MM_HINT_T0);
}

// Column j of a block as f32.
template <int kBits>
struct Widened {
  static constexpr int kColumns = 4 * Quads<kBits>::kCount;
  using Lines = typename Quads<kBits>::Lines;
  static Lines load(const uint8_t* codes, int64_t b) {
    prefetch_ahead<kBits>(codes, b);
    return Quads<kBits>::load(codes, b);
  }
  static __m512 widen(const Lines& lines, int j) {
    const __m512i quad = Quads<kBits>::quad(lines, j / 4);
    const __m512i shifted = j % 4 == 0 ? quad : _mm512_srli_epi32(quad, unsigned(8 * (j % 4)));
    return _mm512_cvtepi32_ps(j % 4 == 3 ? shifted : _mm512_and_si512(shifted, _mm512_set1_epi32(255)));
  }
};

}  // namespace
