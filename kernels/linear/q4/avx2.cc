// q4, AVX2: exact integer products with 24-bit fixed-point activations when streaming; panels widen by shift, mask and convert.
#include "linear/grouped/avx2_digits.h"
#include "linear/q4/codec.h"

namespace {

struct Nibbles : Widened<4> {
  static __m256 widen(const Lines& line, int j) {
    const __m256i shifted = _mm256_srli_epi32(line, 8 * (j % 4) + j / 4 * 4);
    return _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(15)));
  }
};

}  // namespace

const qw_grouped_kernels qw_q4_avx2 = {QW_GEMV_MOST_ROWS, split_digits, stream_digits<4>, fill_panel<Nibbles>, fill_panel16<4>};
