// Rows and columns of a symmetric matrix in another order, in the triangle where it lies (observe/triangle.h).
#pragma once
#include <stdint.h>

#include "abi/pool.h"

namespace qw {

// out[i, j] = in[order[i], order[j]]. `order` is a permutation. Throws std::bad_alloc, before anything has moved.
void permute_symmetric(float* triangle, int64_t width, const int32_t* order, qw_pool* pool);

}  // namespace qw
