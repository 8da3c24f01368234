// The specification of dense: products of f32 values summed in f64 from the first column to the last, bias added last.
#include "linear/dense/codec.h"
#include "linear/float16.h"

namespace {

void stream(const qw_dense_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    double sums[QW_DENSE_ROWS] = {};
    for (int64_t k = 0; k < weight->base.cols; ++k) {
      const double w = double(qw_read_typed(weight->type, weight->data, row * weight->base.cols + k));
      for (int i = 0; i < m; ++i) sums[i] += w * double(x[i * ldx + k]);
    }
    for (int i = 0; i < m; ++i) y[i * ldy + row] = float(sums[i] + (bias == nullptr ? 0.0 : double(bias[row])));
  }
}

}  // namespace

const qw_dense_kernels qw_dense_serial = {stream, nullptr};
