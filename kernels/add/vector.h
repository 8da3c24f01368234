// The kernel of add.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline void add_vector(const float* a, const float* b, float* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, add(load(a + i), load(b + i)));
  if (i < count) store_first(out + i, add(load_first(a + i, count - i), load_first(b + i, count - i)), count - i);
}

}  // namespace
