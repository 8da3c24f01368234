// Words of neighbouring rows side by side: [rows, words] to [words, rows], four by four in registers where the baseline has vectors.
// Cost: about half an instruction a word.
#pragma once
#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define QW_TURN_SSE2 1
#endif

namespace qw {

// from: `rows` rows of `words` words, from_stride apart. to: word w of row r at [w * to_stride + r]; what lies between is left alone.
inline void turn_words(const uint32_t* from, int64_t from_stride, int64_t rows, int64_t words, uint32_t* to, int64_t to_stride) {
  int64_t turned = 0;  // words that are done
#if defined(QW_TURN_SSE2)
  const int64_t whole = rows / 4 * 4;
  for (; turned + 4 <= words; turned += 4) {
    for (int64_t row = 0; row < whole; row += 4) {
      const uint32_t* at = from + row * from_stride + turned;
      const auto line = [&](int64_t i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i * from_stride)); };
      const __m128i a = line(0), b = line(1), c = line(2), d = line(3);
      const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
      const __m128i ab_high = _mm_unpackhi_epi32(a, b), cd_high = _mm_unpackhi_epi32(c, d);
      const auto keep = [&](int64_t i, __m128i four) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (turned + i) * to_stride + row), four); };
      keep(0, _mm_unpacklo_epi64(ab, cd));
      keep(1, _mm_unpackhi_epi64(ab, cd));
      keep(2, _mm_unpacklo_epi64(ab_high, cd_high));
      keep(3, _mm_unpackhi_epi64(ab_high, cd_high));
    }
    for (int64_t row = whole; row < rows; ++row) {
      for (int64_t i = turned; i < turned + 4; ++i) to[i * to_stride + row] = from[row * from_stride + i];
    }
  }
#endif
  for (; turned < words; ++turned) {
    for (int64_t row = 0; row < rows; ++row) to[turned * to_stride + row] = from[row * from_stride + turned];
  }
}

}  // namespace qw
