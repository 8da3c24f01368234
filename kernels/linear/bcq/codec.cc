#include "linear/bcq/codec.h"

#include <algorithm>

#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "linear/memory.h"

namespace {

// Bytes of packed weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 96 * 1024;
// Words of columns whose tables a task builds: about 5 us.
constexpr int64_t kTaskWords = 256;

const qw_bcq_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_bcq_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_bcq_serial},
      QW_X86({QW_SIMD_AVX2, &qw_bcq_avx2}, {QW_SIMD_AVX512, &qw_bcq_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_bcq_neon})
  };
  return *qw::best_version(kVersions);
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t stream_bytes(const qw_bcq_weight& weight, int64_t m) {
  const size_t rows = size_t(std::min<int64_t>(m, QW_BCQ_MOST_ROWS)), words = size_t(weight.words);
  const size_t gathered = weight.columns == nullptr ? 0 : rows * words * QW_BCQ_WORD;
  return align(rows * words * size_t(kernels_in_force().table_floats) * sizeof(float)) + align(rows * size_t(weight.groups) * sizeof(float)) +
         align(gathered * sizeof(float)) + 64;
}

void gather(const qw_bcq_weight& weight, const float* x, int64_t ldx, int64_t m, float* out) {
  const int64_t depth = weight.words * QW_BCQ_WORD;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t k = 0; k < depth; ++k) {
      const int32_t column = weight.columns[k];
      out[i * depth + k] = column < 0 ? 0.0f : x[i * ldx + column];
    }
  }
}

// Eight partial sums in f64.
float sum_of(const float* x, int64_t count) {
  double partial[8] = {};
  for (int64_t k = 0; k < count; k += 8) {
    for (int j = 0; j < 8; ++j) partial[j] += double(x[k + j]);
  }
  return float(((partial[0] + partial[4]) + (partial[2] + partial[6])) + ((partial[1] + partial[5]) + (partial[3] + partial[7])));
}

// Carves the scratch, brings x into packed order and builds its tables.
qw_bcq_x prepare(const qw_bcq_weight& weight, const qw_bcq_kernels& kernels, const float* x, int64_t ldx, int64_t m, void* scratch, qw_pool* pool) {
  char* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
  qw_bcq_x made{x, ldx, reinterpret_cast<float*>(at), nullptr};
  at += align(size_t(m * weight.words * kernels.table_floats) * sizeof(float));
  made.sums = reinterpret_cast<float*>(at);
  at += align(size_t(m * weight.groups) * sizeof(float));
  if (weight.columns != nullptr) {
    float* gathered = reinterpret_cast<float*>(at);
    gather(weight, x, ldx, m, gathered);
    made.values = gathered;
    made.ld = weight.words * QW_BCQ_WORD;
  }
  for (int64_t i = 0; weight.q_bias != nullptr && i < m; ++i) {
    for (int64_t group = 0; group < weight.groups; ++group) {
      const int64_t begin = weight.group_begin[group] * QW_BCQ_WORD, end = weight.group_begin[group + 1] * QW_BCQ_WORD;
      made.sums[i * weight.groups + group] = sum_of(made.values + i * made.ld + begin, end - begin);
    }
  }
  if (kernels.build == nullptr) return made;
  const int64_t parts = (weight.words + kTaskWords - 1) / kTaskWords;
  qw::parallel(pool, m * parts, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t i = task / parts, first = task % parts * kTaskWords, count = std::min(kTaskWords, weight.words - first);
      kernels.build(made.values + i * made.ld + first * QW_BCQ_WORD, count, made.tables + (i * weight.words + first) * kernels.table_floats);
    }
  });
  return made;
}

size_t scratch_bytes(const qw_weight* base, int64_t m) {
  const qw_bcq_weight& weight = *reinterpret_cast<const qw_bcq_weight*>(base);
  const size_t stream = stream_bytes(weight, m);
  return m <= QW_BCQ_MOST_ROWS ? stream : std::max(stream, qw_panel_scratch_bytes(weight.words * QW_BCQ_WORD, m));
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_bcq_weight& weight = *reinterpret_cast<const qw_bcq_weight*>(base);
  const qw_bcq_kernels& kernels = kernels_in_force();
  const qw_panel_kernel* panel = qw_panel_kernel_in_force();
  if (m > QW_BCQ_MOST_ROWS && panel != nullptr && kernels.fill != nullptr) {
    const qw_panel_job job = {panel, kernels.fill, base, base->rows, weight.words * QW_BCQ_WORD, weight.columns, x, ldx, m, bias, y, ldy, scratch};
    qw_panel_matmul(&job, pool);
    return;
  }
  const int64_t tile_bytes = int64_t(base->bytes) / weight.tiles + 1;
  for (int64_t first = 0; first < m; first += QW_BCQ_MOST_ROWS) {
    const int64_t count = std::min<int64_t>(QW_BCQ_MOST_ROWS, m - first);
    const qw_bcq_x made = prepare(weight, kernels, x + first * ldx, ldx, count, scratch, pool);
    float* out = y + first * ldy;
    // Pairs of tiles over all of x, so that they are read from memory once.
    qw::parallel(pool, (weight.tiles + 1) / 2, std::max<int64_t>(1, kTaskBytes / (2 * tile_bytes)), [&](int64_t begin, int64_t end, int) {
      const int64_t last = std::min(end * 2, weight.tiles), step = count <= kernels.rows ? last : 2;
      for (int64_t tile = begin * 2; tile < last; tile += step) {
        for (int64_t i = 0; i < count; i += kernels.rows) {
          kernels.stream(&weight, &made, int(i), int(std::min<int64_t>(kernels.rows, count - i)), bias, out + i * ldy, ldy, tile, std::min(tile + step, last));
        }
      }
    });
  }
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_bcq_weight* weight = reinterpret_cast<const qw_bcq_weight*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      for (int64_t k = weight->group_begin[group] * QW_BCQ_WORD; k < weight->group_begin[group + 1] * QW_BCQ_WORD; ++k) {
        const int64_t column = weight->columns == nullptr ? k : weight->columns[k];
        if (column >= 0) out[column] = qw_bcq_value(weight, row / QW_BCQ_TILE, group, int(row % QW_BCQ_TILE), k);
      }
    }
  }
}

void destroy(qw_weight* base) {
  qw_bcq_weight* weight = reinterpret_cast<qw_bcq_weight*>(base);
  if (!base->borrowed) {
    qw_weight_memory_free(weight->planes);
    qw_weight_memory_free(weight->alpha);
    qw_weight_memory_free(weight->q_bias);
    qw_weight_memory_free(weight->group_begin);
    qw_weight_memory_free(weight->columns);
  }
  delete weight;
}

}  // namespace

const qw_codec qw_codec_bcq = {"bcq", scratch_bytes, matmul, dequantize, destroy, QW_BCQ_LAYOUT, qw_bcq_save, qw_bcq_restore};
