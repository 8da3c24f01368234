// The specification of qrazor: w = code * 2^shift * scale in f32, products summed in f64 in packed order, bias added last.
#include "linear/qrazor/codec.h"

namespace {

void stream(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t row = begin * QW_TILE_ROWS; row < end * QW_TILE_ROWS && row < weight->grouped.base.rows; ++row) {
    const float scale = qw_qrazor_scales(weight, row / QW_TILE_ROWS)[row % QW_TILE_ROWS];
    double sums[QW_QRAZOR_ROWS] = {};
    for (int64_t k = 0; k < weight->grouped.depth; ++k) {
      const double w = double(float(qw_qrazor_integer(weight, row, k)) * scale);
      for (int i = 0; i < m; ++i) sums[i] += w * double(x->values[(first + i) * x->ld + k]);
    }
    for (int i = 0; i < m; ++i) y[i * ldy + row] = float(sums[i] + (bias == nullptr ? 0.0 : double(bias[row])));
  }
}

}  // namespace

const qw_qrazor_kernels qw_qrazor_serial = {nullptr, stream};
