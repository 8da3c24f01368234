#include <cmath>
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

void qw::range_rows_serial(const float* x, int64_t rows, int64_t width, float* out) {
  for (int64_t r = 0; r < rows; ++r, x += width) {
    float low = x[0], high = x[0];
    for (int64_t i = 0; i < width; ++i) {
      if (std::isnan(x[i])) {
        low = high = x[i];
        break;
      }
      if (x[i] < low) low = x[i];
      if (x[i] > high) high = x[i];
    }
    out[2 * r] = low;
    out[2 * r + 1] = high;
  }
}

void qw::count_bins_serial(const float* x, int64_t count, float scale, int64_t middle, uint32_t* counts) {
  for (int64_t i = 0; i < count; ++i) counts[middle + int64_t(std::floor(x[i] * scale))] += 1;
}
