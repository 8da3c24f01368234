// The specification of bcq: w = q_bias +- alpha... in f32, products summed in f64 from the first packed column to the last, bias added last.
#include "linear/bcq/codec.h"

namespace {

void stream(const qw_bcq_weight* weight, const qw_bcq_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t row = begin * QW_BCQ_TILE; row < end * QW_BCQ_TILE && row < weight->base.rows; ++row) {
    const int64_t tile = row / QW_BCQ_TILE;
    const int lane = int(row % QW_BCQ_TILE);
    double sums[QW_BCQ_MOST_ROWS] = {};
    for (int64_t group = 0; group < weight->groups; ++group) {
      for (int64_t k = weight->group_begin[group] * QW_BCQ_WORD; k < weight->group_begin[group + 1] * QW_BCQ_WORD; ++k) {
        const double w = double(qw_bcq_value(weight, tile, group, lane, k));
        for (int i = 0; i < m; ++i) sums[i] += w * double(x->values[(first + i) * x->ld + k]);
      }
    }
    for (int i = 0; i < m; ++i) y[i * ldy + row] = float(sums[i] + (bias == nullptr ? 0.0 : double(bias[row])));
  }
}

}  // namespace

const qw_bcq_kernels qw_bcq_serial = {QW_BCQ_MOST_ROWS, 0, nullptr, stream, nullptr};
