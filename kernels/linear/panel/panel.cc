#include "linear/panel/panel.h"

#include <algorithm>
#include <cstring>

#include "cpu/pick.h"

namespace {

// x rows packed at a time: bounds the scratch, and is enough that widening a panel costs under 3 %.
constexpr int64_t kMostRows = 16 * QW_PANEL_MAX_HEIGHT;
// A task should outlast the pool's hand-over a hundred times: about 20 us of FMA.
constexpr int64_t kTaskProducts = 1 << 20;

struct Slice {
  const qw_panel_job* job;
  int64_t first, rows;  // rows of x in this slice
  int64_t blocks, block_rows;
  int64_t splits;  // tasks that share one panel of weights by splitting the x blocks
  float* packed;

  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
};

void pack_blocks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const qw_panel_job& job = *slice.job;
  for (int64_t block = begin; block < end; ++block) {
    const int64_t row = slice.block_begin(block), height = slice.block_begin(block + 1) - row;
    float* out = slice.packed + row * job.depth;
    for (int64_t i = 0; i < height; ++i) {
      const float* x = job.x + (slice.first + row + i) * job.ldx;
      if (job.columns == nullptr) {
        for (int64_t k = 0; k < job.depth; ++k) out[k * height + i] = x[k];
      } else {
        for (int64_t k = 0; k < job.depth; ++k) out[k * height + i] = job.columns[k] < 0 ? 0.0f : x[job.columns[k]];
      }
    }
  }
}

void multiply_panel(const Slice& slice, int64_t tile, int64_t block_begin, int64_t block_end) {
  const qw_panel_job& job = *slice.job;
  const qw_panel_kernel& kernel = *job.kernel;
  alignas(64) float panel[QW_PANEL_DEPTH * QW_PANEL_MAX_WIDTH];
  alignas(64) float edge[QW_PANEL_MAX_HEIGHT * QW_PANEL_MAX_WIDTH];
  alignas(64) float bias[QW_PANEL_MAX_WIDTH] = {};
  const int64_t row = tile * kernel.width;
  const int64_t valid = std::min<int64_t>(kernel.width, job.rows - row);
  if (job.bias != nullptr) std::memcpy(bias, job.bias + row, size_t(valid) * sizeof(float));
  for (int64_t column = 0; column < job.depth; column += QW_PANEL_DEPTH) {
    const int64_t count = std::min<int64_t>(QW_PANEL_DEPTH, job.depth - column);
    job.fill(job.weight, row, column, count, panel);
    for (int64_t block = block_begin; block < block_end; ++block) {
      const int64_t first = slice.block_begin(block), height = slice.block_begin(block + 1) - first;
      const float* x = slice.packed + first * job.depth + column * height;
      float* y = job.y + (slice.first + first) * job.ldy + row;
      if (valid == kernel.width) {
        kernel.multiply(int(height), count, x, panel, bias, column > 0, y, job.ldy);
        continue;
      }
      if (column > 0) {
        for (int64_t i = 0; i < height; ++i) std::memcpy(edge + i * kernel.width, y + i * job.ldy, size_t(valid) * sizeof(float));
      }
      kernel.multiply(int(height), count, x, panel, bias, column > 0, edge, kernel.width);
      for (int64_t i = 0; i < height; ++i) std::memcpy(y + i * job.ldy, edge + i * kernel.width, size_t(valid) * sizeof(float));
    }
  }
}

void multiply_tiles(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t part = task % slice.splits;
    multiply_panel(slice, task / slice.splits, part * slice.blocks / slice.splits, (part + 1) * slice.blocks / slice.splits);
  }
}

}  // namespace

const qw_panel_kernel* qw_panel_kernel_in_force(void) {
  static constexpr qw::Version<const qw_panel_kernel> kVersions[] = {
      {QW_SIMD_SERIAL, nullptr},
      QW_X86({QW_SIMD_AVX2, &qw_panel_avx2}, {QW_SIMD_AVX512, &qw_panel_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_panel_neon})
  };
  return qw::best_version(kVersions);
}

size_t qw_panel_scratch_bytes(int64_t depth, int64_t m) { return size_t(std::min(m, kMostRows) * depth) * sizeof(float); }

void qw_panel_matmul(const qw_panel_job* job, qw_pool* pool) {
  const qw_panel_kernel& kernel = *job->kernel;
  const int64_t tiles = (job->rows + kernel.width - 1) / kernel.width;
  for (int64_t first = 0; first < job->m; first += kMostRows) {
    Slice slice{};
    slice.job = job;
    slice.first = first;
    slice.rows = std::min(kMostRows, job->m - first);
    slice.blocks = (slice.rows + kernel.height - 1) / kernel.height;
    slice.block_rows = (slice.rows + slice.blocks - 1) / slice.blocks;
    slice.blocks = (slice.rows + slice.block_rows - 1) / slice.block_rows;
    slice.packed = static_cast<float*>(job->scratch);
    // Few weight rows and many threads: let several tasks widen the same panel, each for at least four blocks of x.
    const int64_t wanted = 4 * int64_t(qw_pool_threads(pool));
    slice.splits = tiles >= wanted ? 1 : std::max<int64_t>(1, std::min((wanted + tiles - 1) / tiles, slice.blocks / 4));
    qw_parallel_for(pool, slice.blocks, std::max<int64_t>(1, (1 << 15) / (slice.block_rows * job->depth + 1)), pack_blocks, &slice);
    const int64_t products = std::max<int64_t>(1, kernel.width * job->depth * slice.rows / slice.splits);
    qw_parallel_for(pool, tiles * slice.splits, std::max<int64_t>(1, kTaskProducts / products), multiply_tiles, &slice);
  }
}
