// Statistics of activations x [rows, width] f32 for calibration.
//   absmax:  running[i]     = max(running[i], |x[r, i]|). Infinity and NaN stay visible: they compare above every number.
//   hessian: gram[i, j]    += sum_r x[r, i] x[r, j] for i <= j, in the layout of triangle.h.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "abi/pool.h"

extern "C" void qw_absmax(const float* x, int64_t rows, int64_t width, float* running, qw_pool* pool);

// f32 elements of scratch for qw_hessian: x packed by column panels.
extern "C" int64_t qw_hessian_scratch(int64_t rows, int64_t width);
// f32 elements of a gram, with what kernels may read behind it.
extern "C" int64_t qw_hessian_size(int64_t width);
// gram: a triangle of `width` (triangle.h), zeroed before the first call.
extern "C" void qw_hessian(const float* x, int64_t rows, int64_t width, float* gram, float* scratch, qw_pool* pool);
// out [width, width] = the full symmetric matrix; and back.
extern "C" void qw_hessian_unpack(const float* gram, int64_t width, float* out);
extern "C" void qw_hessian_pack(const float* full, int64_t width, float* gram);
// First input whose diagonal is NaN or infinite; -1: none.
extern "C" int64_t qw_hessian_not_finite(const float* gram, int64_t width);

namespace qw {

// Columns side by side in a packed panel: [rows][kPanel], zero beyond the width.
constexpr int64_t kPanel = 32;

using Absmax = void(const float* x, int64_t rows, int64_t width, int64_t columns, float* running);  // `columns` of a matrix of `width`
Absmax absmax_serial, absmax_avx2, absmax_avx512, absmax_neon;

// block[i * stride + j] += sum_r a[r][i] b[r][j] for i < height, j < columns; a, b are packed panels.
using GramBlock = void(const float* a, const float* b, int64_t rows, int64_t height, int64_t columns, float* block, int64_t stride);
GramBlock gram_block_serial, gram_block_avx2, gram_block_avx512, gram_block_neon;

// The same of matrices a [rows][stride_a] and b [rows][stride_b]; up to 31 elements behind `columns` of a row of b are read.
using GramStrided = void(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t height, int64_t columns, float* block,
                         int64_t stride);
GramStrided gram_strided_serial, gram_strided_avx2, gram_strided_avx512, gram_strided_neon;

}  // namespace qw
