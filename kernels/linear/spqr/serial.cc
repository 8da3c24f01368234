// The specification of the sparse part: products summed in f64, added to what the dense part gave.
#include "linear/spqr/codec.h"

void qw_spqr_add_serial(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    for (int i = 0; i < m; ++i) {
      double sum = double(y[i * ldy + row]);
      for (int32_t at = weight->row_begin[row]; at < weight->row_begin[row + 1]; ++at) {
        sum += double(qw_f16_to_f32(weight->values[at])) * double(x[i * ld + qw_spqr_place(weight, at)]);
      }
      y[i * ldy + row] = float(sum);
    }
  }
}
