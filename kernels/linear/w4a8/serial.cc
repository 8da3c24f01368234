// The specification: int32 sums of every unit, then f32 with one fma a unit.
#include <cmath>

#include "linear/w4a8/razor.h"

namespace {

void multiply(const qw_int8_groups* weight, const qw_int8_x* x, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end) {
  const qw_grouped& grouped = weight->grouped;
  const int64_t step = grouped.step, height = x->height;
  const bool bytes = grouped.zero_form == QW_ZERO_BYTES, shared = grouped.zero_form == QW_ZERO_SHARED;
  const bool adds_zero = !weight->form.razored && !(shared && (weight->form.folded_zero != 0 || grouped.shared_zero == 0));
  for (int64_t row = begin * QW_TILE_ROWS; row < end * QW_TILE_ROWS && row < grouped.base.rows; ++row) {
    const int64_t tile = row / QW_TILE_ROWS;
    const int lane = int(row % QW_TILE_ROWS);
    for (int64_t i = 0; i < height; ++i) {
      float total = 0;
      for (int64_t unit = 0; unit < weight->form.units; ++unit) {
        int32_t acc = x->starts[unit * height + i];
        for (int64_t k = weight->unit_begin[unit] * step; k < weight->unit_begin[unit + 1] * step; ++k) {
          acc += qw_grouped_code(&grouped, tile, lane, k) * x->values[(k / 4 * height + i) * 4 + k % 4];
        }
        if (weight->form.razored) {
          total = std::fma(float(acc * (1 << qw_int8_shifts(weight, tile, unit)[lane])), x->factors[unit * height + i], total);
          continue;
        }
        float part = float(acc);
        if (adds_zero) {
          const float zero = qw_grouped_zero(&grouped, tile, unit, lane) + (bytes ? grouped.offset - float(1 << (grouped.bits - 1)) : 0.0f);
          part = std::fma(x->remainders[unit * height + i], zero, part);
        }
        total = std::fma(part, qw_grouped_scale(&grouped, tile, unit, lane), total);
      }
      if (weight->form.razored) total *= qw_grouped_scale(&grouped, tile, 0, lane);
      if (weight->sums != nullptr) total = std::fma(-x->zeros[i], weight->sums[row], total);
      y[i * ldy + row] = std::fma(total, x->scales[i], bias == nullptr ? 0.0f : bias[row]);
    }
  }
}

}  // namespace

const qw_int8_kernels qw_int8_serial = {QW_INT8_MOST_HEIGHT, 0, razor, multiply};
