// The row kernel of rope.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline void rope_vector(float* x, int64_t heads, int64_t head_dim, int64_t half, const float* cosines, const float* sines) {
  for (int64_t head = 0; head < heads; ++head, x += head_dim) {
    int64_t i = 0;
    for (; i + kLanes <= half; i += kLanes) {
      const f32v first = load(x + i), second = load(x + i + half), c = load(cosines + i), s = load(sines + i);
      store(x + i, fma_minus(second, s, mul(first, c)));
      store(x + i + half, fma(first, s, mul(second, c)));
    }
    if (i < half) {
      const int64_t rest = half - i;
      const f32v first = load_first(x + i, rest), second = load_first(x + i + half, rest);
      const f32v c = load_first(cosines + i, rest), s = load_first(sines + i, rest);
      store_first(x + i, fma_minus(second, s, mul(first, c)), rest);
      store_first(x + i + half, fma(first, s, mul(second, c)), rest);
    }
  }
}

}  // namespace
