// q4, AVX2: shift, mask and convert.
#include "linear/grouped/avx2.h"
#include "linear/q4/codec.h"

namespace {

struct Nibbles {
  static constexpr int kColumns = 8;
  static __m256 widen(__m256i bytes, int j) {
    const __m256i shifted = _mm256_srli_epi32(bytes, j < 4 ? 8 * j : 8 * (j - 4) + 4);
    return _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(15)));
  }
};

}  // namespace

const qw_grouped_kernels qw_q4_avx2 = {4, sum_groups, stream<Nibbles>, fill_panel<Nibbles>};
