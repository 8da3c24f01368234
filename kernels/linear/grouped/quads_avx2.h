// AVX2: unpacks half a block of a grouped codec (grouped.h) into bytes. Quad q of a half: 8 rows x columns 4 q .. 4 q + 3, one code a byte,
// 4 bytes a row. Include only from avx2.cc and avxvnni.cc files.
//
//   Quads<bits>::kCount                   quads of a block
//   Quads<bits>::load(codes, b, half)     rows 8 half .. 8 half + 7 of the lines of block b of the tile whose codes begin at `codes`
//   Quads<bits>::quad(lines, q)           one quad; 0 to 5 instructions
#pragma once
#include <immintrin.h>

#include "linear/grouped/grouped.h"

namespace {

inline __m256i load_half(const uint8_t* codes, int64_t line, int half) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + line * QW_LINE_BYTES) + half);
}
inline __m256i nibble_of_line(__m256i line, int odd) {
  return _mm256_and_si256(odd != 0 ? _mm256_srli_epi16(line, 4) : line, _mm256_set1_epi8(15));
}
// low | (high shifted left by `left`, which may be negative) & mask
inline __m256i join_bits(__m256i low, __m256i high, int left, char mask) {
  if (left != 0) high = left > 0 ? _mm256_slli_epi32(high, left) : _mm256_srli_epi32(high, -left);
  return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(mask)));
}
// The 4 bits a byte of block b in a line that two blocks share, as low nibbles (bits above them are the other block's).
inline __m256i shared_half(const uint8_t* codes, int64_t line, int64_t b, int half) {
  return _mm256_srl_epi32(load_half(codes, line, half), _mm_cvtsi32_si128(int(b & 1) * 4));
}

template <int kBits>
struct Quads;

template <>
struct Quads<8> {
  static constexpr int kCount = 1, kLines2 = 2;  // lines of two blocks
  using Lines = __m256i;
  static Lines load(const uint8_t* codes, int64_t b, int half) { return load_half(codes, b, half); }
  static __m256i quad(const Lines& line, int) { return line; }
};

template <>
struct Quads<4> {
  static constexpr int kCount = 2, kLines2 = 2;
  using Lines = __m256i;
  static Lines load(const uint8_t* codes, int64_t b, int half) { return load_half(codes, b, half); }
  static __m256i quad(const Lines& line, int q) { return nibble_of_line(line, q); }
};

template <>
struct Quads<2> {
  static constexpr int kCount = 4, kLines2 = 2;
  using Lines = __m256i;
  static Lines load(const uint8_t* codes, int64_t b, int half) { return load_half(codes, b, half); }
  static __m256i quad(const Lines& line, int q) {
    return _mm256_and_si256(q == 0 ? line : _mm256_srli_epi32(line, 2 * q), _mm256_set1_epi8(3));
  }
};

template <>
struct Quads<3> {
  static constexpr int kCount = 4, kLines2 = 3;
  struct Lines {
    __m256i low, high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int half) {
    int64_t high;
    const int64_t low = qw_grouped_line(3, b, &high);
    return {load_half(codes, low, half), shared_half(codes, high, b, half)};
  }
  static __m256i quad(const Lines& lines, int q) { return join_bits(Quads<2>::quad(lines.low, q), lines.high, 2 - q, 4); }
};

template <>
struct Quads<5> {
  static constexpr int kCount = 4, kLines2 = 5;
  struct Lines {
    __m256i low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int half) {
    int64_t high;
    const int64_t low = qw_grouped_line(5, b, &high);
    return {{load_half(codes, low, half), load_half(codes, low + 1, half)}, shared_half(codes, high, b, half)};
  }
  static __m256i quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - q, 16); }
};

template <>
struct Quads<6> {
  static constexpr int kCount = 4, kLines2 = 6;
  struct Lines {
    __m256i low[2], high;
  };
  static Lines load(const uint8_t* codes, int64_t b, int half) {
    int64_t high;
    const int64_t low = qw_grouped_line(6, b, &high);
    return {{load_half(codes, low, half), load_half(codes, low + 1, half)}, load_half(codes, high, half)};
  }
  static __m256i quad(const Lines& lines, int q) { return join_bits(nibble_of_line(lines.low[q / 2], q % 2), lines.high, 4 - 2 * q, 48); }
};

// Fetches about what block b needs, 2 KiB ahead of it.
template <int kBits>
inline void prefetch_ahead(const uint8_t* codes, int64_t b) {
  const char* at = reinterpret_cast<const char*>(codes) + b * (Quads<kBits>::kLines2 * QW_LINE_BYTES / 2) + 2048;
#pragma GCC unroll 3
  for (int line = 0; line < (Quads<kBits>::kLines2 + 1) / 2; ++line) _mm_prefetch(at + line * QW_LINE_BYTES, _MM_HINT_T0);
}

// Column j of half a block as f32.
template <int kBits>
struct Widened {
  static constexpr int kColumns = 4 * Quads<kBits>::kCount;
  using Lines = typename Quads<kBits>::Lines;
  static Lines load(const uint8_t* codes, int64_t b, int half) {
    if (half == 0) prefetch_ahead<kBits>(codes, b);
    return Quads<kBits>::load(codes, b, half);
  }
  static __m256 widen(const Lines& lines, int j) {
    const __m256i quad = Quads<kBits>::quad(lines, j / 4);
    const __m256i shifted = j % 4 == 0 ? quad : _mm256_srli_epi32(quad, 8 * (j % 4));
    return _mm256_cvtepi32_ps(j % 4 == 3 ? shifted : _mm256_and_si256(shifted, _mm256_set1_epi32(255)));
  }
};

}  // namespace
