// log_sum_exp of score.h for the vector width of the including file.
#pragma once
#include <math.h>

#include "cpu/vector_f32.h"

namespace {

inline double log_sum_exp_vector(const float* logits, int64_t width) {
  const int64_t whole = width / kLanes * kLanes;
  f32v top = all(logits[0]);
  for (int64_t i = 0; i < whole; i += kLanes) top = max(top, load(logits + i));
  float maximum = largest(top);
  for (int64_t i = whole; i < width; ++i) maximum = logits[i] > maximum ? logits[i] : maximum;
  f64_sum total;
  const f32v shift = all(maximum);
  for (int64_t i = 0; i < whole; i += kLanes) total.add(exp_f32(sub(load(logits + i), shift)));
  double sum = total.total();
  if (whole < width) {
    float rest[kLanes];
    store(rest, exp_f32(sub(load_first(logits + whole, width - whole), shift)));
    for (int64_t i = 0; i < width - whole; ++i) sum += static_cast<double>(rest[i]);
  }
  return static_cast<double>(maximum) + ::log(sum);
}

}  // namespace
