// The specification of f8: w = data * scale in f32, products summed in f64 from the first column to the last, bias added last.
#include "linear/f8/codec.h"

namespace {

void stream(const qw_f8_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const uint8_t* data = weight->data + row * weight->base.cols;
    const float* scale = qw_f8_row_scales(weight, row);
    double sums[QW_F8_ROWS] = {};
    for (int64_t k = 0; k < weight->base.cols; ++k) {
      const double w = double(qw_f8_to_f32(weight->type, data[k]) * scale[k / weight->scale_cols]);
      for (int i = 0; i < m; ++i) sums[i] += w * double(x[i * ldx + k]);
    }
    for (int i = 0; i < m; ++i) y[i * ldy + row] = float(sums[i] + (bias == nullptr ? 0.0 : double(bias[row])));
  }
}

}  // namespace

const qw_f8_kernels qw_f8_serial = {stream, nullptr};
