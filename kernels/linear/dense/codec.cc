#include "linear/dense/codec.h"

#include <algorithm>
#include <new>

#include "cpu/pick.h"
#include "linear/dense/tiles.h"
#include "linear/float16.h"
#include "linear/rows.h"

namespace {

// Bytes of weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 128 * 1024;

const qw_dense_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_dense_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_dense_serial},
      QW_X86({QW_SIMD_AVX2, &qw_dense_avx2}, {QW_SIMD_AVX512, &qw_dense_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_dense_neon})
  };
  return *qw::best_version(kVersions);
}

#if defined(QW_HAS_AMX)
// Whether the product of m rows goes over AMX tiles.
bool on_tiles(const qw_dense_weight* weight, int64_t m) {
  return qw_simd_level() == QW_SIMD_AMX && weight->type == QW_BF16 && m > QW_DENSE_MOST_ROWS;
}
#endif

size_t scratch_bytes(const qw_weight* weight, int64_t m) {
#if defined(QW_HAS_AMX)
  if (on_tiles(reinterpret_cast<const qw_dense_weight*>(weight), m)) return qw_dense_tiles_scratch_bytes(weight->cols, m);
#endif
  return m > QW_DENSE_MOST_ROWS ? qw_panel_scratch_bytes(weight->cols, m) : 0;
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_dense_weight* weight = reinterpret_cast<const qw_dense_weight*>(base);
#if defined(QW_HAS_AMX)
  if (on_tiles(weight, m)) {
    qw_dense_tiles_matmul(weight, x, ldx, m, bias, y, ldy, scratch, pool);
    return;
  }
#endif
  const qw_dense_kernels& kernels = kernels_in_force();
  const qw_panel_kernel* panel = qw_panel_kernel_in_force();
  if (m > QW_DENSE_MOST_ROWS && panel != nullptr && kernels.fill != nullptr) {
    const qw_panel_job job = {panel, kernels.fill, base, base->rows, base->cols, nullptr, x, ldx, m, bias, y, ldy, scratch};
    qw_panel_matmul(&job, pool);
    return;
  }
  const qw::RowsJob<qw_dense_weight, qw_dense_kernels> job = {weight, &kernels, x, ldx, m, bias, y, ldy};
  qw::stream_rows<QW_DENSE_ROWS>(job, base->cols * qw_type_bytes(weight->type), kTaskBytes, pool);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_dense_weight* weight = reinterpret_cast<const qw_dense_weight*>(base);
  const int64_t first = row_begin * base->cols;
  for (int64_t i = 0; i < row_count * base->cols; ++i) out[i] = qw_read_typed(weight->type, weight->data, first + i);
}

void destroy(qw_weight* base) { delete reinterpret_cast<qw_dense_weight*>(base); }

}  // namespace

const qw_codec qw_codec_dense = {"dense", scratch_bytes, matmul, dequantize, destroy, 0, nullptr, nullptr};

qw_status qw_weight_dense(const qw_dense* dense, qw_weight** out) {
  *out = nullptr;
  if (dense->rows < 1 || dense->cols < 1 || dense->data == nullptr || dense->type < QW_F32 || dense->type > QW_BF16) {
    return qw_error(QW_INVALID_ARGUMENT,
                    "dense weight of %lld x %lld, type %d: needs data, rows and columns of at least 1, and type f32, f16 or bf16",
                    (long long)dense->rows, (long long)dense->cols, int(dense->type));
  }
  qw_dense_weight* weight = new (std::nothrow) qw_dense_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a dense weight");
  weight->base = {&qw_codec_dense, dense->rows, dense->cols, size_t(dense->rows * dense->cols * qw_type_bytes(dense->type)), 1};
  weight->type = dense->type;
  weight->data = dense->data;
  *out = &weight->base;
  return qw_ok();
}
