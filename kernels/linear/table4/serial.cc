// The specification of table4: w = table[code] * absmax in f32, products summed in f64 from the first column to the last, bias added last.
#include "linear/table4/codec.h"

namespace {

void stream(const qw_table4_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  for (int64_t row = begin * QW_TABLE4_TILE; row < end * QW_TABLE4_TILE && row < weight->base.rows; ++row) {
    const int64_t tile = row / QW_TABLE4_TILE;
    const int lane = int(row % QW_TABLE4_TILE);
    double sums[QW_TABLE4_ROWS] = {};
    for (int64_t k = 0; k < weight->base.cols; ++k) {
      const float w = weight->table[qw_table4_code(weight, tile, lane, k)] * qw_table4_absmax(weight, tile, lane, k);
      for (int i = 0; i < m; ++i) sums[i] += double(w) * double(x[i * ldx + k]);
    }
    for (int i = 0; i < m; ++i) y[i * ldy + row] = float(sums[i] + (bias == nullptr ? 0.0 : double(bias[row])));
  }
}

}  // namespace

const qw_table4_kernels qw_table4_serial = {stream, nullptr};
