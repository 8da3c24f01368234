// Product of a bf16 weight for many rows of x on AMX tiles.
//
//   y[m, rows] = (high + low)[m, cols] W^T + bias,  high = bf16(x), low = bf16(x - high): 16 bits of x's mantissa, sums in f32
//
// A task takes 32 weight rows. 512 columns of them are transposed once into [pair of columns][16 rows][2] (32 KiB, in L2), and every 32
// rows of x are multiplied with that: a step of 32 columns is 8 products (128 cycles) beside 6 loads.
#pragma once
#include "linear/dense/codec.h"

size_t qw_dense_tiles_scratch_bytes(int64_t cols, int64_t m);
// Only where QW_SIMD_AMX is available.
void qw_dense_tiles_matmul(const qw_dense_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy,
                           void* scratch, qw_pool* pool);
