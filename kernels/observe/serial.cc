#include <cstring>

#include "observe/observe.h"

void qw::absmax_serial(const float* x, int64_t rows, int64_t width, int64_t columns, float* running) {
  for (int64_t i = 0; i < columns; ++i) {
    int32_t largest;  // non-negative f32 order like their bits; NaN is above infinity
    std::memcpy(&largest, running + i, 4);
    for (int64_t r = 0; r < rows; ++r) {
      int32_t bits;
      std::memcpy(&bits, x + r * width + i, 4);
      bits &= 0x7fffffff;
      if (bits > largest) largest = bits;
    }
    std::memcpy(running + i, &largest, 4);
  }
}

void qw::gram_strided_serial(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t height, int64_t columns, float* block,
                             int64_t stride) {
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) sum += double(a[r * stride_a + i]) * double(b[r * stride_b + j]);
      block[i * stride + j] += float(sum);
    }
  }
}

void qw::gram_block_serial(const float* a, const float* b, int64_t rows, int64_t height, int64_t columns, float* block, int64_t stride) {
  gram_strided_serial(a, kPanel, b, kPanel, rows, height, columns, block, stride);
}
