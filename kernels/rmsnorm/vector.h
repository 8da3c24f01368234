// The row kernel of rmsnorm.h for the vector width of the including file. Four accumulators hide the latency of FMA.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline void rmsnorm_vector(const float* x, int64_t width, const float* weight, float eps, float* out) {
  f32v squares[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= width; i += 4 * kLanes) {
    for (int64_t a = 0; a < 4; ++a) {
      const f32v value = load(x + i + a * kLanes);
      squares[a] = fma(value, value, squares[a]);
    }
  }
  for (; i + kLanes <= width; i += kLanes) squares[0] = fma(load(x + i), load(x + i), squares[0]);
  if (i < width) {
    const f32v value = load_first(x + i, width - i);
    squares[1] = fma(value, value, squares[1]);
  }
  const float total = sum(add(add(squares[0], squares[1]), add(squares[2], squares[3])));
  const f32v scale = all(inverse_root(total / static_cast<float>(width) + eps));
  for (i = 0; i + kLanes <= width; i += kLanes) store(out + i, mul(mul(load(x + i), scale), load(weight + i)));
  if (i < width) {
    const int64_t rest = width - i;
    store_first(out + i, mul(mul(load_first(x + i, rest), scale), load_first(weight + i, rest)), rest);
  }
}

}  // namespace
