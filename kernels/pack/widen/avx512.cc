#include <immintrin.h>

#include "linear/float16.h"
#include "pack/widen/widen.h"

void qw_widen_line_avx512(qw_type type, const void* from, int64_t count, float* to) {
  const char* bytes = static_cast<const char*>(from);
  int64_t i = 0;
  if (type == QW_F32) {
    memcpy(to, from, size_t(count) * 4);
    return;
  }
  for (; i + 16 <= count; i += 16) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + i * 2));
    const __m512 value_f32x16 =
        type == QW_F16 ? _mm512_cvtph_ps(half) : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
    _mm512_storeu_ps(to + i, value_f32x16);
  }
  for (; i < count; ++i) to[i] = qw_read_typed(type, from, i);
}
