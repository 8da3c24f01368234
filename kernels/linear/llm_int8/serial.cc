// The specification of llm_int8.
#include <cmath>

#include "linear/float16.h"
#include "linear/llm_int8/codec.h"

namespace {

uint32_t magnitude(float value) { return qw_float_bits(value) & 0x7fffffffu; }

void column_most(const float* x, int64_t ldx, int64_t m, int64_t begin, int64_t end, uint32_t* most) {
  for (int64_t k = begin; k < end; ++k) {
    most[k] = 0;
    for (int64_t i = 0; i < m; ++i) {
      if (magnitude(x[i * ldx + k]) > most[k]) most[k] = magnitude(x[i * ldx + k]);
    }
  }
}

void quantize(const float* x, int64_t cols, uint32_t limit, int8_t* q, float* scale, int32_t* sum) {
  uint32_t most_bits = 0;
  for (int64_t k = 0; k < cols; ++k) {
    const uint32_t bits = magnitude(x[k]);
    if (bits < limit && bits > most_bits) most_bits = bits;
  }
  const float most = qw_float_from_bits(most_bits), inverse = 127.0f / most;
  *scale = most / 127.0f;
  *sum = 0;
  // Not: zeros, denormals; without a limit NaN and infinity.
  const bool usable = most_bits < 0x7f800000u && qw_float_bits(inverse) < 0x7f800000u;
  for (int64_t k = 0; k < cols; ++k) {
    if (!usable || magnitude(x[k]) >= limit) {
      q[k] = 0;
      continue;
    }
    const float scaled = x[k] * inverse;
    const float clamped = scaled < -128.0f ? -128.0f : scaled > 127.0f ? 127.0f : scaled;
    q[k] = int8_t(std::nearbyint(clamped));
    *sum += q[k];
  }
}

void add_columns(const qw_w8a8_weight* weight, const float* x, int64_t ldx, int64_t m, const qw_llm_int8_columns* columns, float* y,
                 int64_t ldy, int64_t tile_begin, int64_t tile_end) {
  for (int64_t row = tile_begin * QW_W8A8_TILE_ROWS; row < tile_end * QW_W8A8_TILE_ROWS && row < weight->base.rows; ++row) {
    const int64_t tile = row / QW_W8A8_TILE_ROWS, lane = row % QW_W8A8_TILE_ROWS;
    const uint8_t* codes = weight->codes + tile * weight->quads * QW_W8A8_QUAD_BYTES + lane * 4;
    const float scale = qw_read_typed(weight->scale_type, weight->params, tile * 2 * QW_W8A8_TILE_ROWS + lane);
    const float zero = qw_read_typed(weight->scale_type, weight->params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS + lane);
    for (int64_t at = 0; at < columns->count; ++at) {
      const int64_t k = columns->of_weight[at], place = columns->of_x[at];
      const float w = (float(codes[k / 4 * QW_W8A8_QUAD_BYTES + k % 4] - weight->offset) - zero) * scale;
      for (int64_t i = 0; i < m; ++i) y[i * ldy + row] = std::fma(x[i * ldx + place], w, y[i * ldy + row]);
    }
  }
}

}  // namespace

const qw_llm_int8_kernels qw_llm_int8_serial = {column_most, quantize, add_columns};
