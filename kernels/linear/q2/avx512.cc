// q2, AVX-512. A permute takes the low four bits of each lane as index; a table that repeats looks at two of them only: it masks the
// code and makes it f32 in one instruction.
#include "linear/grouped/avx512.h"
#include "linear/q2/codec.h"

namespace {

struct Pairs : Widened<2> {
  static __m512 widen(const Lines& line, int j) {
    const __m512 values = _mm512_setr_ps(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(line, unsigned(8 * (j % 4) + j / 4 * 2)), values);
  }
};

}  // namespace

const qw_grouped_kernels qw_q2_avx512 = {4, sum_groups, stream<Pairs>, fill_panel<Pairs>, fill_panel16<2>};
