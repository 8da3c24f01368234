// The kernels of observe.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"
#include "observe/observe.h"

namespace {

inline void absmax_vector(const float* x, int64_t rows, int64_t width, int64_t columns, float* running) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) {
    f32v top = load(running + i);
    for (int64_t r = 0; r < rows; ++r) top = larger_magnitude(load(x + r * width + i), top);
    store(running + i, top);
  }
  if (i == columns) return;
  f32v top = load_first(running + i, columns - i);
  for (int64_t r = 0; r < rows; ++r) top = larger_magnitude(load_first(x + r * width + i, columns - i), top);
  store_first(running + i, top, columns - i);
}

// R rows of the block x 2 vectors: 2 R accumulators, 2 loads and R broadcasts for 2 R multiply-adds.
template <int R>
void gram_step(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t columns, float* block, int64_t stride) {
  f32v sums[R][2];
  for (int i = 0; i < R; ++i) sums[i][0] = sums[i][1] = zero();
  for (int64_t r = 0; r < rows; ++r, a += stride_a, b += stride_b) {
    const f32v left = load(b), right = load(b + kLanes);
    for (int i = 0; i < R; ++i) {
      const f32v x = all(a[i]);
      sums[i][0] = fma(x, left, sums[i][0]);
      sums[i][1] = fma(x, right, sums[i][1]);
    }
  }
  for (int i = 0; i < R; ++i) {
    for (int v = 0; v < 2; ++v) {
      float* out = block + i * stride + v * kLanes;
      const int64_t left = columns - v * kLanes;
      if (left >= kLanes) {
        store(out, add(load(out), sums[i][v]));
      } else if (left > 0) {
        store_first(out, add(load_first(out, left), sums[i][v]), left);
      }
    }
  }
}

inline void gram_strided_vector(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t height, int64_t columns,
                                float* block, int64_t stride) {
  constexpr int step = kRegisters == 32 ? 8 : 4;
  for (int64_t j = 0; j < columns; j += 2 * kLanes) {
    int64_t i = 0;
    for (; i + step <= height; i += step) gram_step<step>(a + i, stride_a, b + j, stride_b, rows, columns - j, block + i * stride + j, stride);
    for (; i < height; ++i) gram_step<1>(a + i, stride_a, b + j, stride_b, rows, columns - j, block + i * stride + j, stride);
  }
}

inline void gram_block_vector(const float* a, const float* b, int64_t rows, int64_t height, int64_t columns, float* block, int64_t stride) {
  gram_strided_vector(a, qw::kPanel, b, qw::kPanel, rows, height, columns, block, stride);
}

}  // namespace
