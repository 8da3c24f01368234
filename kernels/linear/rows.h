// Streams weight rows that lie one after the other (dense, f8) for few rows of x, or for many where there are no panels. For files of the
// baseline instruction set only.
#pragma once
#include <algorithm>

#include "abi/pool.h"

namespace qw {

template <typename Weight, typename Kernels>
struct RowsJob {
  const Weight* weight;
  const Kernels* kernels;
  const float* x;
  int64_t ldx, m;
  const float* bias;
  float* y;
  int64_t ldy;
};

// kernels->stream takes up to kRows rows of x. Four weight rows at a time over all of x, so that the second pass over x reads them from the cache.
template <int kRows, typename Weight, typename Kernels>
void stream_rows(const RowsJob<Weight, Kernels>& job, int64_t row_bytes, int64_t task_bytes, qw_pool* pool) {
  const auto run = [](void* context, int64_t begin, int64_t end, int) {
    const auto& one = *static_cast<const RowsJob<Weight, Kernels>*>(context);
    const int64_t last = std::min(end * 4, one.weight->base.rows);
    const int64_t step = one.m <= kRows ? last : 4;
    for (int64_t row = begin * 4; row < last; row += step) {
      for (int64_t i = 0; i < one.m; i += kRows) {
        one.kernels->stream(one.weight, one.x + i * one.ldx, one.ldx, int(std::min<int64_t>(kRows, one.m - i)), one.bias, one.y + i * one.ldy,
                            one.ldy, row, std::min(row + step, last));
      }
    }
  };
  const int64_t bytes = row_bytes * 4 * std::max<int64_t>(1, job.m / kRows);
  qw_parallel_for(pool, (job.weight->base.rows + 3) / 4, std::max<int64_t>(1, task_bytes / bytes), run,
                  const_cast<RowsJob<Weight, Kernels>*>(&job));
}

}  // namespace qw
