#include "linear/qrazor/codec.h"

#include <algorithm>

#include "cpu/pick.h"
#include "linear/memory.h"
#include "linear/panel16/panel16.h"

namespace {

// Bytes of packed weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 96 * 1024;

const qw_qrazor_kernels& kernels_in_force(const qw_qrazor_weight& weight) {
  static constexpr qw::Version<const qw_qrazor_kernels> kAlongOutputs[] = {
      {QW_SIMD_SERIAL, &qw_qrazor_serial},
      QW_X86({QW_SIMD_AVX2, &qw_qrazor_avx2})
  };
  static constexpr qw::Version<const qw_qrazor_kernels> kAlongInputs[] = {
      {QW_SIMD_SERIAL, &qw_qrazor_serial},
      QW_X86({QW_SIMD_AVX2, &qw_qrazor_avx2}, {QW_SIMD_AVX512VNNI, &qw_qrazor_avx512vnni})
  };
  return weight.along_outputs ? *qw::best_version(kAlongOutputs) : *qw::best_version(kAlongInputs);
}

// AMX multiplies bytes, which shifted codes are not.
const qw_panel16_kernel* panel16_in_force() {
  static constexpr qw::Version<const qw_panel16_kernel> kVersions[] = {
      {QW_SIMD_SERIAL, nullptr},
      QW_X86({QW_SIMD_AVX2, &qw_panel16_avx2})
      QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_panel16_avxvnni})
      QW_X86({QW_SIMD_AVX512, &qw_panel16_avx512}, {QW_SIMD_AVX512VNNI, &qw_panel16_avx512vnni})
  };
  return qw::best_version(kVersions);
}

#if defined(__x86_64__)
constexpr qw_panel16_fill kFill16 = qw_qrazor_fill16_avx2;
qw_panel_fill fill_of(const qw_panel_kernel& panel) { return panel.width == 16 ? qw_qrazor_fill_16_avx2 : panel.width == 32 ? qw_qrazor_fill_32_avx2 : nullptr; }
#else
constexpr qw_panel16_fill kFill16 = nullptr;
qw_panel_fill fill_of(const qw_panel_kernel&) { return nullptr; }
#endif

struct Job {
  const qw_qrazor_weight* weight;
  const qw_qrazor_kernels* kernels;
  qw_qrazor_x x;
  const float* bias;
  float* y;
  int64_t ldy;
};

void run_tiles(void* context, int64_t begin, int64_t end, int) {
  const Job& job = *static_cast<const Job*>(context);
  for (int64_t first = 0; first < job.x.m; first += QW_QRAZOR_ROWS) {
    const int count = int(std::min<int64_t>(QW_QRAZOR_ROWS, job.x.m - first));
    job.kernels->stream(job.weight, &job.x, first, count, job.bias, job.y + first * job.ldy, job.ldy, begin, end);
  }
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Sums or units, digits and offsets of m rows, and x in packed order.
struct Scratch {
  size_t floats, digits, offsets, values;
  Scratch(const qw_qrazor_weight& weight, int64_t m) {
    const size_t depth = size_t(weight.grouped.depth), groups = weight.along_outputs ? 0 : size_t(weight.groups);
    floats = align(size_t(m) * std::max(groups, size_t(qw_qrazor_chunks(&weight))) * sizeof(float));
    digits = align(size_t(m) * 3 * depth + 16);  // read by sixteen bytes
    offsets = align(size_t(m) * groups * 4 * sizeof(int32_t));
    values = weight.grouped.columns == nullptr ? 0 : align(size_t(m) * depth * sizeof(float));
  }
  size_t bytes() const { return floats + digits + offsets + values + 64; }
};

qw_qrazor_x lay_out(const qw_qrazor_weight& weight, const float* x, int64_t ldx, int64_t m, void* scratch) {
  const Scratch sizes(weight, m);
  char* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
  qw_qrazor_x out{};
  out.values = x;
  out.ld = ldx;
  out.m = m;
  out.sums = out.units = reinterpret_cast<float*>(at);  // a level uses one of them
  out.digits = reinterpret_cast<int32_t*>(at += sizes.floats);
  out.offsets = reinterpret_cast<int32_t*>(at += sizes.digits);
  if (sizes.values == 0) return out;
  float* values = reinterpret_cast<float*>(at + sizes.offsets);
  const int64_t depth = weight.grouped.depth;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t k = 0; k < depth; ++k) values[i * depth + k] = weight.grouped.columns[k] < 0 ? 0.0f : x[i * ldx + weight.grouped.columns[k]];
  }
  out.values = values;
  out.ld = depth;
  return out;
}

size_t scratch_bytes(const qw_weight* base, int64_t m) {
  const qw_qrazor_weight& weight = *reinterpret_cast<const qw_qrazor_weight*>(base);
  const size_t stream = Scratch(weight, std::min<int64_t>(m, QW_GEMV_MOST_ROWS)).bytes();
  if (m <= QW_GEMV_MOST_ROWS) return stream;
  return std::max({stream, qw_panel_scratch_bytes(weight.grouped.depth, m), qw_panel16_scratch_bytes(&weight.grouped, m)});
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool) {
  const qw_qrazor_weight& weight = *reinterpret_cast<const qw_qrazor_weight*>(base);
  if (m > QW_GEMV_MOST_ROWS) {
    // Shifted integers of a base of 16 bits would overflow the sums of a 16-bit panel.
    const qw_panel16_kernel* panel16 = weight.shift_bits == 3 ? panel16_in_force() : nullptr;
    if (panel16 != nullptr) {
      qw_panel16_matmul(panel16, kFill16, &weight.grouped, x, ldx, m, bias, y, ldy, scratch, pool);
      return;
    }
    const qw_panel_kernel* panel = qw_panel_kernel_in_force();
    const qw_panel_fill fill = panel == nullptr ? nullptr : fill_of(*panel);
    if (fill != nullptr) {
      const qw_panel_job job = {panel, fill, base, base->rows, weight.grouped.depth, weight.grouped.columns, x, ldx, m, bias, y, ldy, scratch};
      qw_panel_matmul(&job, pool);
      return;
    }
  }
  const int64_t tile_bytes = int64_t(base->bytes) / weight.grouped.tiles + 1;
  for (int64_t first = 0; first < m; first += QW_GEMV_MOST_ROWS) {
    const int64_t count = std::min<int64_t>(QW_GEMV_MOST_ROWS, m - first);
    Job job = {&weight, &kernels_in_force(weight), lay_out(weight, x + first * ldx, ldx, count, scratch), bias, y + first * ldy, ldy};
    if (job.kernels->prepare != nullptr) job.kernels->prepare(&weight, &job.x);
    qw_parallel_for(pool, weight.grouped.tiles, std::max<int64_t>(1, kTaskBytes / tile_bytes), run_tiles, &job);
  }
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_qrazor_weight& weight = *reinterpret_cast<const qw_qrazor_weight*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    const float scale = qw_qrazor_scales(&weight, row / QW_TILE_ROWS)[row % QW_TILE_ROWS];
    // Padding comes after all columns, which stay in order.
    for (int64_t k = 0; k < base->cols; ++k) out[k] = float(qw_qrazor_integer(&weight, row, k)) * scale;
  }
}

void destroy(qw_weight* base) {
  qw_qrazor_weight* weight = reinterpret_cast<qw_qrazor_weight*>(base);
  if (!base->borrowed) {
    qw_weight_memory_free(weight->grouped.codes);
    qw_weight_memory_free(weight->grouped.params);
    qw_weight_memory_free(weight->shifts);
    delete[] weight->grouped.group_begin;
    delete[] weight->grouped.columns;
  }
  delete weight;
}

}  // namespace

const qw_codec qw_codec_qrazor = {"qrazor", scratch_bytes, matmul, dequantize, destroy, QW_QRAZOR_LAYOUT, qw_qrazor_save, qw_qrazor_restore};
