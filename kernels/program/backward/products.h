// Matrix products of reverse mode: f32, row-major, on the panel kernels of linear/panel, parallel over the pool. At the serial level plain loops with sums in f64.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "abi/pool.h"

namespace qw {

// c [m, n] = a [m, k] b [k, n].  dx = dy W: k = rows of W, n = its columns.  dW = (dy^T) x: m = rows of W, k = tokens.
void product(const float* a, int64_t m, int64_t k, const float* b, int64_t n, float* c, float* scratch, qw_pool* pool);
// f32 elements.
int64_t product_scratch(int64_t m, int64_t k);
// out [cols, rows] = the transpose of x [rows, cols].
void transpose(const float* x, int64_t rows, int64_t cols, float* out, qw_pool* pool);

}  // namespace qw
