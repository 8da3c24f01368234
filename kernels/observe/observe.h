// Statistics of activations x [rows, width] f32 for calibration.
//   absmax:  running[i]     = max(running[i], |x[r, i]|). Infinity and NaN stay visible: they compare above every number.
//   range:   out[r]        = the smallest and the largest x[r, i]; both NaN when one of them is.
//   histogram: counts[k] = how many x lie in [(k - bins / 2) w, (k + 1 - bins / 2) w), w = 2 limit / bins. The limit is the smallest power of two above every
//              |x| so far. It grows by merging pairs of bins, which lie within each other, so that counts do not depend on the order of the calls.
//              A negative value that is subnormal in parts of a bin counts as 0.
//   hessian: gram[i, j]    += sum_r x[r, i] x[r, j] for i <= j, in the layout of triangle.h.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "abi/pool.h"

extern "C" void qw_absmax(const float* x, int64_t rows, int64_t width, float* running, qw_pool* pool);

// out [rows, 2]
extern "C" void qw_range(const float* x, int64_t rows, int64_t width, float* out, qw_pool* pool);

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

// A power of two, so that an edge is a float and a merged bin is one of the wider ones.
constexpr int64_t kFewestBins = 16, kMostBins = 65536;

struct Histogram {
  explicit Histogram(int64_t bins) : counts(size_t(bins), 0) {}
  // Throws std::bad_alloc.
  void add(const float* x, int64_t rows, int64_t width, qw_pool* pool);

  float low = 0, high = 0;  // of all values, and 0
  float limit = 0;          // infinite from the first value on that is not below 2^126; counts then mean nothing
  std::vector<uint64_t> counts;
};

using RangeRows = void(const float* x, int64_t rows, int64_t width, float* out);  // out [rows, 2]
RangeRows range_rows_serial, range_rows_avx2, range_rows_avx512, range_rows_neon;

// counts[middle + floor(x[i] * scale)] += 1; the caller has seen to it that all of them are there.
using CountBins = void(const float* x, int64_t count, float scale, int64_t middle, uint32_t* counts);
CountBins count_bins_serial, count_bins_avx2, count_bins_avx512, count_bins_neon;

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
