#include "observe/observe.h"
#include "observe/vector.h"

void qw::absmax_avx512(const float* x, int64_t rows, int64_t width, int64_t columns, float* running) {
  absmax_vector(x, rows, width, columns, running);
}

void qw::gram_block_avx512(const float* a, const float* b, int64_t rows, int64_t height, int64_t columns, float* block, int64_t stride) {
  gram_block_vector(a, b, rows, height, columns, block, stride);
}

void qw::gram_strided_avx512(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t height, int64_t columns, float* block,
                        int64_t stride) {
  gram_strided_vector(a, stride_a, b, stride_b, rows, height, columns, block, stride);
}

void qw::range_rows_avx512(const float* x, int64_t rows, int64_t width, float* out) { range_rows_vector(x, rows, width, out); }

void qw::count_bins_avx512(const float* x, int64_t count, float scale, int64_t middle, uint32_t* counts) {
  count_bins_vector(x, count, scale, middle, counts);
}
