// int8 by groups, AVX-512 without VNNI: as AVX2, 64 products at once.
#include "linear/w4a8/lanes_avx512.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  // pmaddubsw of 4-bit codes: pairs of products are at most 15 * 128 * 2 = 3840, and 8 of them fit 16 bits. Codes of 8 bits are two of 4.
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = 8;
    __m512i low_i16, high_i16;
    void clear() { low_i16 = high_i16 = _mm512_setzero_si512(); }
    void add(__m512i codes, __m512i x) {
      if (kBits == 4) {
        low_i16 = _mm512_add_epi16(low_i16, _mm512_maddubs_epi16(codes, x));
        return;
      }
      const __m512i nibbles = _mm512_set1_epi8(15);
      low_i16 = _mm512_add_epi16(low_i16, _mm512_maddubs_epi16(_mm512_and_si512(codes, nibbles), x));
      high_i16 = _mm512_add_epi16(high_i16, _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(codes, 4), nibbles), x));
    }
    __m512i sum() const {
      const __m512i low_i32 = _mm512_madd_epi16(low_i16, _mm512_set1_epi16(1));
      return kBits == 4 ? low_i32 : _mm512_add_epi32(low_i32, _mm512_madd_epi16(high_i16, _mm512_set1_epi16(16)));
    }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_avx512 = {8, 0, razor, stream<8>};
