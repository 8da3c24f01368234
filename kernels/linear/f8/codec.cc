#include "linear/f8/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "cpu/pick.h"
#include "linear/rows.h"

namespace {

// Bytes of weight a task should stream: about 10 us, so that a small matrix is not cut into many tasks.
constexpr int64_t kTaskBytes = 96 * 1024;

const qw_f8_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_f8_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_f8_serial},
      QW_X86({QW_SIMD_AVX2, &qw_f8_avx2}, {QW_SIMD_AVX512, &qw_f8_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_f8_neon})
  };
  return *qw::best_version(kVersions);
}

size_t scratch_bytes(const qw_weight* weight, int64_t m) { return m > QW_F8_MOST_ROWS ? qw_panel_scratch_bytes(weight->cols, m) : 0; }

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_f8_weight* weight = reinterpret_cast<const qw_f8_weight*>(base);
  const qw_f8_kernels& kernels = kernels_in_force();
  const qw_panel_kernel* panel = qw_panel_kernel_in_force();
  if (m > QW_F8_MOST_ROWS && panel != nullptr && kernels.fill != nullptr) {
    const qw_panel_job job = {panel, kernels.fill, base, base->rows, base->cols, nullptr, x, ldx, m, bias, y, ldy, scratch};
    qw_panel_matmul(&job, pool);
    return;
  }
  const qw::RowsJob<qw_f8_weight, qw_f8_kernels> job = {weight, &kernels, x, ldx, m, bias, y, ldy};
  qw::stream_rows<QW_F8_ROWS>(job, base->cols, kTaskBytes, pool);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_f8_weight* weight = reinterpret_cast<const qw_f8_weight*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    const uint8_t* data = weight->data + row * base->cols;
    const float* scale = qw_f8_row_scales(weight, row);
    for (int64_t k = 0; k < base->cols; ++k) out[k] = qw_f8_to_f32(weight->type, data[k]) * scale[k / weight->scale_cols];
  }
}

void destroy(qw_weight* base) {
  qw_f8_weight* weight = reinterpret_cast<qw_f8_weight*>(base);
  delete[] weight->scale;
  delete weight;
}

qw_status check(const qw_f8& f8) {
  int type;  // of a caller in C, who may write any number
  std::memcpy(&type, &f8.type, sizeof type);
  if (f8.rows < 1 || f8.cols < 1 || f8.data == nullptr || f8.scale == nullptr || f8.scale_rows < 1 || f8.scale_cols < 1 ||
      (type != QW_F8_E4M3 && type != QW_F8_E5M2)) {
    return qw_error(QW_INVALID_ARGUMENT,
                    "f8 weight of %lld x %lld, type %d, a scale for %lld x %lld: needs data and scales, every size at least 1, and type e4m3 or e5m2",
                    (long long)f8.rows, (long long)f8.cols, type, (long long)f8.scale_rows, (long long)f8.scale_cols);
  }
  const int64_t scales = (f8.cols + f8.scale_cols - 1) / f8.scale_cols, count = (f8.rows + f8.scale_rows - 1) / f8.scale_rows * scales;
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(f8.scale[i])) {
      return qw_error(QW_INVALID_ARGUMENT, "f8 weight: scale %g of tile (%lld, %lld) is not finite", double(f8.scale[i]),
                      (long long)(i / scales), (long long)(i % scales));
    }
  }
  return qw_ok();
}

}  // namespace

const qw_codec qw_codec_f8 = {"f8", scratch_bytes, matmul, dequantize, destroy, 0, nullptr, nullptr};

qw_status qw_weight_f8(const qw_f8* f8, qw_weight** out) {
  *out = nullptr;
  const qw_status checked = check(*f8);
  if (checked.code != QW_OK) return checked;
  const int64_t scales = (f8->cols + f8->scale_cols - 1) / f8->scale_cols;
  const size_t count = size_t((f8->rows + f8->scale_rows - 1) / f8->scale_rows * scales);
  qw_f8_weight* weight = new (std::nothrow) qw_f8_weight{};
  float* scale = new (std::nothrow) float[count];
  if (weight == nullptr || scale == nullptr) {
    delete weight;
    delete[] scale;
    return qw_error(QW_OUT_OF_MEMORY, "no memory for the scales of an f8 weight");
  }
  std::copy(f8->scale, f8->scale + count, scale);
  weight->base = {&qw_codec_f8, f8->rows, f8->cols, size_t(f8->rows * f8->cols) + count * sizeof(float), 1};
  weight->type = f8->type;
  weight->data = static_cast<const uint8_t*>(f8->data);
  weight->scale_rows = f8->scale_rows;
  weight->scale_cols = f8->scale_cols;
  weight->scales = scales;
  weight->scale = scale;
  *out = &weight->base;
  return qw_ok();
}
