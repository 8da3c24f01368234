// int8 by groups, AVX2: 8-bit multiply-adds on nibbles, which cannot saturate; 2 instructions per 32 products of 4-bit codes, 4 of 8-bit
// ones.
#include "linear/w4a8/lanes_avx2.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  // pmaddubsw of 4-bit codes: pairs of products are at most 15 * 128 * 2 = 3840, and 8 of them fit 16 bits. Codes of 8 bits are two of 4.
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = 8;
    __m256i low_i16, high_i16;
    void clear() { low_i16 = high_i16 = _mm256_setzero_si256(); }
    void add(__m256i codes, __m256i x) {
      if (kBits == 4) {
        low_i16 = _mm256_add_epi16(low_i16, _mm256_maddubs_epi16(codes, x));
        return;
      }
      const __m256i nibbles = _mm256_set1_epi8(15);
      low_i16 = _mm256_add_epi16(low_i16, _mm256_maddubs_epi16(_mm256_and_si256(codes, nibbles), x));
      high_i16 = _mm256_add_epi16(high_i16, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(codes, 4), nibbles), x));
    }
    __m256i sum() const {
      const __m256i low_i32 = _mm256_madd_epi16(low_i16, _mm256_set1_epi16(1));
      return kBits == 4 ? low_i32 : _mm256_add_epi32(low_i32, _mm256_madd_epi16(high_i16, _mm256_set1_epi16(16)));
    }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_avx2 = {4, 0, razor, stream<4>};
