// The row kernel of layernorm.h for the vector width of the including file. Two passes, mean first: the sum of squares of a row whose mean is large
// would cancel. Sums are in double.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline double row_sum(const float* x, int64_t width) {
  f64_sum sum;
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) sum.add(load(x + i));
  if (i < width) sum.add(load_first(x + i, width - i));
  return sum.total();
}

inline double row_squares(const float* x, int64_t width, float mean) {
  f64_sum sum;
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const f32v centred = sub(load(x + i), all(mean));
    sum.add(mul(centred, centred));
  }
  double total = sum.total();
  for (; i < width; ++i) total += double(x[i] - mean) * double(x[i] - mean);
  return total;
}

inline void layernorm_vector(const float* x, int64_t width, const float* weight, const float* bias, float eps, float* out) {
  const float mean = static_cast<float>(row_sum(x, width) / static_cast<double>(width));
  const float scale = static_cast<float>(inverse_root(row_squares(x, width, mean) / static_cast<double>(width) + static_cast<double>(eps)));
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const f32v normed = mul(sub(load(x + i), all(mean)), all(scale));
    store(out + i, bias == nullptr ? mul(normed, load(weight + i)) : fma(normed, load(weight + i), load(bias + i)));
  }
  if (i < width) {
    const int64_t rest = width - i;
    const f32v normed = mul(sub(load_first(x + i, rest), all(mean)), all(scale));
    const f32v scaled = mul(normed, load_first(weight + i, rest));
    store_first(out + i, bias == nullptr ? scaled : add(scaled, load_first(bias + i, rest)), rest);
  }
}

}  // namespace
