#include "linear/table4/codec.h"

#include <algorithm>

#include "cpu/pick.h"
#include "linear/memory.h"

namespace {

// Bytes of packed weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 96 * 1024;

// Integer instructions would need the table in fixed point too, three digits by three: the f32 look-up of AVX-512 serves VNNI as well.
const qw_table4_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_table4_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_table4_serial},
      QW_X86({QW_SIMD_AVX2, &qw_table4_avx2}, {QW_SIMD_AVX512, &qw_table4_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_table4_neon})
  };
  return *qw::best_version(kVersions);
}

struct Job {
  const qw_table4_weight* weight;
  const qw_table4_kernels* kernels;
  const float* x;
  int64_t ldx, m;
  const float* bias;
  float* y;
  int64_t ldy;
};

// A tile over all of x, so that it is read from memory once.
void run_tiles(void* context, int64_t begin, int64_t end, int) {
  const Job& job = *static_cast<const Job*>(context);
  const int64_t step = job.m <= QW_TABLE4_ROWS ? end - begin : 1;
  for (int64_t tile = begin; tile < end; tile += step) {
    for (int64_t i = 0; i < job.m; i += QW_TABLE4_ROWS) {
      job.kernels->stream(job.weight, job.x + i * job.ldx, job.ldx, int(std::min<int64_t>(QW_TABLE4_ROWS, job.m - i)), job.bias,
                          job.y + i * job.ldy, job.ldy, tile, std::min(tile + step, end));
    }
  }
}

size_t scratch_bytes(const qw_weight* weight, int64_t m) { return m > QW_TABLE4_MOST_ROWS ? qw_panel_scratch_bytes(weight->cols, m) : 0; }

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_table4_weight* weight = reinterpret_cast<const qw_table4_weight*>(base);
  const qw_table4_kernels& kernels = kernels_in_force();
  const qw_panel_kernel* panel = qw_panel_kernel_in_force();
  if (m > QW_TABLE4_MOST_ROWS && panel != nullptr && kernels.fill != nullptr) {
    const qw_panel_job job = {panel, kernels.fill, base, base->rows, base->cols, nullptr, x, ldx, m, bias, y, ldy, scratch};
    qw_panel_matmul(&job, pool);
    return;
  }
  Job job = {weight, &kernels, x, ldx, m, bias, y, ldy};
  const int64_t tile_bytes = int64_t(base->bytes) / weight->tiles + 1;
  qw_parallel_for(pool, weight->tiles, std::max<int64_t>(1, kTaskBytes / tile_bytes), run_tiles, &job);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_table4_weight* weight = reinterpret_cast<const qw_table4_weight*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    const int64_t tile = row / QW_TABLE4_TILE;
    const int lane = int(row % QW_TABLE4_TILE);
    for (int64_t k = 0; k < base->cols; ++k) {
      out[k] = weight->table[qw_table4_code(weight, tile, lane, k)] * qw_table4_absmax(weight, tile, lane, k);
    }
  }
}

void destroy(qw_weight* base) {
  qw_table4_weight* weight = reinterpret_cast<qw_table4_weight*>(base);
  if (!base->borrowed) {
    qw_weight_memory_free(weight->codes);
    qw_weight_memory_free(weight->absmax);
  }
  delete weight;
}

}  // namespace

const qw_codec qw_codec_table4 = {"table4", scratch_bytes, matmul, dequantize, destroy, QW_TABLE4_LAYOUT, qw_table4_save, qw_table4_restore};
