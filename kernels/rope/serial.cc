#include "rope/rope.h"

void qw::rope_serial(float* x, int64_t heads, int64_t head_dim, int64_t half, const float* cosines, const float* sines) {
  for (int64_t head = 0; head < heads; ++head, x += head_dim) {
    for (int64_t i = 0; i < half; ++i) {
      const float first = x[i], second = x[i + half];
      x[i] = first * cosines[i] - second * sines[i];
      x[i + half] = second * cosines[i] + first * sines[i];
    }
  }
}
