// q8, AVX2: shift, mask and convert.
#include "linear/grouped/avx2.h"
#include "linear/q8/codec.h"

namespace {

struct Bytes {
  static constexpr int kColumns = 4;
  static __m256 widen(__m256i bytes, int j) {
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(bytes, 8 * j), _mm256_set1_epi32(255)));
  }
};

}  // namespace

const qw_grouped_kernels qw_q8_avx2 = {4, sum_groups, stream<Bytes>, fill_panel<Bytes>, fill_panel16<8>};
