// spqr outliers, NEON: 4 of a row at a time; x is loaded lane by lane, there is no gather.
#include <arm_neon.h>

#include "linear/spqr/codec.h"

void qw_spqr_add_neon(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int32_t first = weight->row_begin[row], last = weight->row_begin[row + 1];
    for (int i = 0; first < last && i < m; ++i) {
      const float* values = x + i * ld;
      float32x4_t sum_f32x4 = vdupq_n_f32(0);
      int32_t at = first;
      for (; at + 4 <= last; at += 4) {
        const float32x4_t value_f32x4 = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(weight->values + at)));
        const float gathered[4] = {values[qw_spqr_place(weight, at)], values[qw_spqr_place(weight, at + 1)], values[qw_spqr_place(weight, at + 2)],
                                   values[qw_spqr_place(weight, at + 3)]};
        sum_f32x4 = vfmaq_f32(sum_f32x4, value_f32x4, vld1q_f32(gathered));
      }
      float sum = vaddvq_f32(sum_f32x4);
      for (; at < last; ++at) sum += qw_f16_to_f32(weight->values[at]) * values[qw_spqr_place(weight, at)];
      y[i * ldy + row] += sum;
    }
  }
}
