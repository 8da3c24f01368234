// q4, AVX-512. A permute takes the low four bits of each lane as index: it masks the nibble and makes it f32 in one instruction.
#include "linear/grouped/avx512.h"
#include "linear/q4/codec.h"

namespace {

struct Nibbles : Widened<4> {
  static __m512 widen(const Lines& line, int j) {
    const __m512 values = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(line, unsigned(8 * (j % 4) + j / 4 * 4)), values);
  }
};

}  // namespace

const qw_grouped_kernels qw_q4_avx512 = {4, sum_groups, stream<Nibbles>, fill_panel<Nibbles>, fill_panel16<4>};
