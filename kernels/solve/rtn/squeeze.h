// A row of codes, one per byte, to its stream of words: eight codes at a time inside a 64-bit register. The same words as pack/pack.cc.
// Cost: 12 instructions for eight codes; 4 bits with SSE2 half an instruction a code.
#pragma once
#include <stdint.h>
#include <string.h>

#include "pack/words.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define QW_SQUEEZE_SSE2 1
#endif

namespace qw {

// The low `kBits` bits of eight bytes, side by side.
template <int kBits>
inline uint64_t squeeze_eight(uint64_t codes) {
  constexpr int kGap = 8 - kBits;
  if (kGap == 0) return codes;
  constexpr uint64_t one = (uint64_t(1) << kBits) - 1, two = (uint64_t(1) << (2 * kBits)) - 1, four = (uint64_t(1) << (4 * kBits)) - 1;
  constexpr uint64_t pairs = 0x0001000100010001u, quads = 0x0000000100000001u;
  codes = (codes & one * pairs) | (codes >> kGap & (one << kBits) * pairs);
  codes = (codes & two * quads) | (codes >> (2 * kGap) & (two << (2 * kBits)) * quads);
  return (codes & four) | (codes >> (4 * kGap) & (four << (4 * kBits)));
}

#if defined(QW_SQUEEZE_SSE2)
// 32 codes of 4 bits to 16 bytes.
inline void squeeze_run_of_4(const uint8_t* codes, uint8_t flip, void* stream) {
  const __m128i flips = _mm_set1_epi8(char(flip)), field = _mm_set1_epi8(15), low_byte = _mm_set1_epi16(255);
  const auto pairs = [&](const uint8_t* at) {
    const __m128i sixteen = _mm_and_si128(_mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), flips), field);
    return _mm_and_si128(_mm_or_si128(sixteen, _mm_srli_epi16(sixteen, 4)), low_byte);
  };
  _mm_storeu_si128(static_cast<__m128i*>(stream), _mm_packus_epi16(pairs(codes), pairs(codes + 16)));
}
#endif

// codes: padded with anything to a multiple of 32; those behind `cols` count as 0. words: qw_pack_words(cols, kBits) of them, and room up to a multiple of kBits.
// flip: 2^(bits-1) to move signed codes up, else 0.
template <int kBits>
inline void squeeze_row(uint8_t* codes, int64_t cols, uint8_t flip, uint32_t* words) {
  const uint64_t flips = flip * 0x0101010101010101u;
  for (int64_t i = cols; i % QW_PACK_RUN != 0; ++i) codes[i] = flip;
  for (int64_t column = 0; column < cols; column += QW_PACK_RUN) {
    unsigned char* stream = reinterpret_cast<unsigned char*>(words + column / QW_PACK_RUN * kBits);
#if defined(QW_SQUEEZE_SSE2)
    if (kBits == 4) {
      squeeze_run_of_4(codes + column, flip, stream);
      continue;
    }
#endif
    for (int part = 0; part < 4; ++part) {
      uint64_t eight;
      memcpy(&eight, codes + column + 8 * part, 8);
      const uint64_t squeezed = squeeze_eight<kBits>(eight ^ flips);
      memcpy(stream + kBits * part, &squeezed, kBits);
    }
  }
}

}  // namespace qw
