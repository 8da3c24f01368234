// The specification of every grouped codec: w = (code - zero) * scale in f32, products summed in f64 in packed order, bias added last.
#include "linear/grouped/params.h"

namespace {

double dot(const qw_grouped& weight, int64_t tile, int lane, const float* x) {
  double sum = 0;
  for (int64_t group = 0; group < weight.groups; ++group) {
    const qw_group_params params = qw_read_group(&weight, tile, group, lane);
    for (int64_t k = weight.group_begin[group] * weight.step; k < weight.group_begin[group + 1] * weight.step; ++k) {
      const float code = float(qw_grouped_code(&weight, tile, lane, k)) - weight.offset;
      sum += double((code - params.zero) * params.scale - params.minimum) * double(x[k]);
    }
  }
  return sum;
}

void gemv(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
          int64_t end) {
  for (int64_t row = begin * QW_TILE_ROWS; row < end * QW_TILE_ROWS && row < weight->base.rows; ++row) {
    for (int i = 0; i < m; ++i) {
      const double sum = dot(*weight, row / QW_TILE_ROWS, int(row % QW_TILE_ROWS), x->values + (first + i) * x->ld);
      y[i * ldy + row] = float(sum + (bias == nullptr ? 0.0 : double(bias[row])));
    }
  }
}

}  // namespace

const qw_grouped_kernels qw_grouped_serial = {QW_GEMV_MOST_ROWS, nullptr, gemv, nullptr, nullptr};
