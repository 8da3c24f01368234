// q8, AVX-512: shift, mask and convert.
#include "linear/grouped/avx512.h"
#include "linear/q8/codec.h"

namespace {

struct Bytes {
  static constexpr int kColumns = 4;
  static __m512 widen(__m512i bytes, int j) {
    const __m512i shifted = j == 0 ? bytes : _mm512_srli_epi32(bytes, unsigned(8 * j));
    return _mm512_cvtepi32_ps(j == 3 ? shifted : _mm512_and_si512(shifted, _mm512_set1_epi32(255)));
  }
};

}  // namespace

const qw_grouped_kernels qw_q8_avx512 = {4, sum_groups, stream<Bytes>, fill_panel<Bytes>, fill_panel16<8>};
