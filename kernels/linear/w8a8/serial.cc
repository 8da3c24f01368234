// The specification of w8a8.
#include "linear/float16.h"
#include "linear/w8a8/codec.h"

namespace {

void multiply(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
              int64_t tile_end) {
  const int8_t* values = static_cast<const int8_t*>(x->values);
  for (int64_t row = tile_begin * QW_W8A8_TILE_ROWS; row < tile_end * QW_W8A8_TILE_ROWS && row < weight->base.rows; ++row) {
    const int64_t tile = row / QW_W8A8_TILE_ROWS, lane = row % QW_W8A8_TILE_ROWS;
    const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES + lane * 4;
    const double scale = double(qw_read_typed(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS + lane));
    const double zero = double(qw_read_typed(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS + lane));
    const double centre = x->zeros == nullptr ? 0.0 : weight->centres[row];
    for (int i = 0; i < x->height; ++i) {
      int32_t acc = 0;
      for (int64_t quad = 0; quad < weight->quads; ++quad) {
        for (int b = 0; b < 4; ++b) {
          acc += (codes[quad * QW_W8A8_QUAD_BYTES + b] - weight->offset) * values[(quad * x->height + i) * 4 + b];
        }
      }
      const double exact = double(acc) - double(x->sums[i]) * zero - (x->zeros == nullptr ? 0.0 : x->zeros[i]) * centre;
      y[i * ldy + row] = float(exact * (double(x->scales[i]) * scale) + (bias == nullptr ? 0.0 : double(bias[row])));
    }
  }
}

}  // namespace

const qw_w8a8_kernels qw_w8a8_serial = {QW_W8A8_MOST_HEIGHT, QW_W8A8_QUADS, multiply};
