#include <immintrin.h>

#include "linear/float16.h"
#include "pack/widen/widen.h"

void qw_widen_line_avx2(qw_type type, const void* from, int64_t count, float* to) {
  const char* bytes = static_cast<const char*>(from);
  int64_t i = 0;
  if (type == QW_F32) {
    memcpy(to, from, size_t(count) * 4);
    return;
  }
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i * 2));
    const __m256 value_f32x8 =
        type == QW_F16 ? _mm256_cvtph_ps(half) : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
    _mm256_storeu_ps(to + i, value_f32x8);
  }
  for (; i < count; ++i) to[i] = qw_read_typed(type, from, i);
}
