// Codec w8a8: activations by DashInfer's rule (codec.h), through the product that product.cc shares.
#include "linear/w8a8/codec.h"

#include "linear/float16.h"
#include "linear/memory.h"
#include "linear/w8a8/product.h"

namespace {

struct Rows {
  const float* x;
  int64_t ldx, cols;
};

void quantize(void* context, const qw_w8a8_kernels* kernels, int64_t row, int8_t* q, float* scale, int32_t* sum) {
  const Rows& rows = *static_cast<const Rows*>(context);
  kernels->quantize(rows.x + row * rows.ldx, rows.cols, q, scale, sum);
}

size_t scratch_bytes(const qw_weight* base, int64_t m) { return qw::w8a8_scratch_bytes(reinterpret_cast<const qw_w8a8_weight*>(base), m); }

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  Rows rows = {x, ldx, base->cols};
  qw::w8a8_product(reinterpret_cast<const qw_w8a8_weight*>(base), {&rows, quantize, nullptr}, m, bias, y, ldy, scratch, pool);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_w8a8_weight& weight = *reinterpret_cast<const qw_w8a8_weight*>(base);
  for (int64_t row = row_begin; row < row_begin + row_count; ++row, out += base->cols) {
    const int64_t tile = row / QW_W8A8_TILE_ROWS, lane = row % QW_W8A8_TILE_ROWS;
    const float scale = qw_read_typed(weight.scale_type, weight.params, tile * 2 * QW_W8A8_TILE_ROWS + lane);
    const float zero = qw_read_typed(weight.scale_type, weight.params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS + lane);
    for (int64_t k = 0; k < base->cols; ++k) {
      const int code = weight.codes[((tile * weight.quads + k / 4) * QW_W8A8_TILE_ROWS + lane) * 4 + k % 4] - weight.offset;
      out[k] = (float(code) - zero) * scale;
    }
  }
}

void destroy(qw_weight* base) {
  qw_w8a8_weight* weight = reinterpret_cast<qw_w8a8_weight*>(base);
  if (!base->borrowed) {
    qw_weight_memory_free(weight->codes);
    qw_weight_memory_free(weight->params);
  }
  delete weight;
}

}  // namespace

const qw_codec qw_codec_w8a8 = {"w8a8", scratch_bytes, matmul, dequantize, destroy, QW_W8A8_LAYOUT, qw_w8a8_save, qw_w8a8_restore};
