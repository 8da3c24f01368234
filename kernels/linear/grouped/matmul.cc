// Chooses between the streaming kernels (few rows of x) and the panel product (many), and runs them over the pool.
#include <algorithm>
#include <cstring>

#include "linear/grouped/params.h"
#include "linear/panel16/panel16.h"

namespace {

// Bytes of packed weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 96 * 1024;

struct Job {
  const qw_grouped* weight;
  const qw_grouped_kernels* kernels;
  qw_grouped_x x;
  int m;
  const float* bias;
  float* y;
  int64_t ldy;
};

void run_tiles(void* context, int64_t begin, int64_t end, int) {
  const Job& job = *static_cast<const Job*>(context);
  for (int first = 0; first < job.m; first += job.kernels->rows) {
    const int count = std::min(job.kernels->rows, job.m - first);
    job.kernels->gemv(job.weight, &job.x, first, count, job.bias, job.y + first * job.ldy, job.ldy, begin, end);
  }
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t stream_bytes(const qw_grouped& weight, int64_t m) {
  return align(size_t(m * weight.depth) * sizeof(float)) + 2 * align(size_t(m * weight.groups) * sizeof(float)) +
         align(size_t(m * 3 * weight.depth)) + 64;
}

// Carves the scratch and gathers x into packed order.
qw_grouped_x lay_out(const qw_grouped& weight, const float* x, int64_t ldx, int64_t m, void* scratch) {
  char* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
  qw_grouped_x result{};
  result.sums = reinterpret_cast<float*>(at);
  at += align(size_t(m * weight.groups) * sizeof(float));
  result.units = reinterpret_cast<float*>(at);
  at += align(size_t(m * weight.groups) * sizeof(float));
  result.digits = reinterpret_cast<int32_t*>(at);
  at += align(size_t(m * 3 * weight.depth));
  result.values = x;
  result.ld = ldx;
  if (weight.columns != nullptr) {
    float* gathered = reinterpret_cast<float*>(at);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t k = 0; k < weight.depth; ++k) {
        const int32_t column = weight.columns[k];
        gathered[i * weight.depth + k] = column < 0 ? 0.0f : x[i * ldx + column];
      }
    }
    result.values = gathered;
    result.ld = weight.depth;
  }
  return result;
}

}  // namespace

size_t qw_grouped_scratch_bytes(const qw_weight* base, int64_t m) {
  const qw_grouped& weight = *reinterpret_cast<const qw_grouped*>(base);
  const size_t stream = stream_bytes(weight, std::min<int64_t>(m, QW_GEMV_MOST_ROWS));
  if (m <= QW_GEMV_MOST_ROWS) return stream;
  return std::max({stream, qw_panel_scratch_bytes(weight.depth, m), qw_panel16_scratch_bytes(&weight, m)});
}

void qw_grouped_matmul(const qw_weight* base, const qw_grouped_kernels* kernels, const float* x, int64_t ldx, int64_t m, const float* bias,
                       float* y, int64_t ldy, void* scratch, qw_pool* pool) {
  const qw_grouped& weight = *reinterpret_cast<const qw_grouped*>(base);
  const qw_panel16_kernel* panel16 = qw_panel16_in_force(&weight);
  if (m > QW_GEMV_MOST_ROWS && panel16 != nullptr && kernels->fill16 != nullptr) {
    qw_panel16_matmul(panel16, kernels->fill16, &weight, x, ldx, m, bias, y, ldy, scratch, pool);
    return;
  }
  const qw_panel_kernel* panel = qw_panel_kernel_in_force();
  if (m > QW_GEMV_MOST_ROWS && panel != nullptr && kernels->fill != nullptr) {
    const qw_panel_job job = {panel, kernels->fill, base, base->rows, weight.depth, weight.columns, x, ldx, m, bias, y, ldy, scratch};
    qw_panel_matmul(&job, pool);
    return;
  }
  for (int64_t first = 0; first < m; first += QW_GEMV_MOST_ROWS) {
    Job job{};
    job.weight = &weight;
    job.kernels = kernels;
    job.m = int(std::min<int64_t>(QW_GEMV_MOST_ROWS, m - first));
    job.x = lay_out(weight, x + first * ldx, ldx, job.m, scratch);
    job.bias = bias;
    job.y = y + first * ldy;
    job.ldy = ldy;
    if (kernels->prepare != nullptr) kernels->prepare(&weight, &job.x, job.m);
    const int64_t tile_bytes = int64_t(base->bytes) / weight.tiles + 1;
    qw_parallel_for(pool, weight.tiles, std::max<int64_t>(1, kTaskBytes / tile_bytes), run_tiles, &job);
  }
}

void qw_grouped_dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_grouped& weight = *reinterpret_cast<const qw_grouped*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    const int64_t tile = row / QW_TILE_ROWS;
    const int lane = int(row % QW_TILE_ROWS);
    for (int64_t group = 0; group < weight.groups; ++group) {
      const qw_group_params params = qw_read_group(&weight, tile, group, lane);
      for (int64_t k = weight.group_begin[group] * weight.step; k < weight.group_begin[group + 1] * weight.step; ++k) {
        const int64_t column = weight.columns == nullptr ? k : weight.columns[k];
        if (column >= 0) out[column] = ((float(qw_grouped_code(&weight, tile, lane, k)) - weight.offset) - params.zero) * params.scale - params.minimum;
      }
    }
  }
}
