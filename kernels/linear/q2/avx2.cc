// q2, AVX2: exact integer products with 24-bit fixed-point activations when streaming; panels widen by shift, mask and convert.
#include "linear/grouped/avx2_digits.h"
#include "linear/q2/codec.h"

namespace {

struct Pairs : Widened<2> {
  static __m256 widen(const Lines& line, int j) {
    const __m256i shifted = _mm256_srli_epi32(line, 8 * (j % 4) + j / 4 * 2);
    return _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(3)));
  }
};

}  // namespace

const qw_grouped_kernels qw_q2_avx2 = {QW_GEMV_MOST_ROWS, split_digits, stream_digits<2>, fill_panel<Pairs>, fill_panel16<2>};
