// Codec w8a8: activations by the weight's rule (codec.h), through the product that product.cc shares.
#include "linear/w8a8/codec.h"

#include "linear/float16.h"
#include "linear/int8/tokens/tokens.h"
#include "linear/memory.h"
#include "linear/w8a8/product.h"

namespace {

struct Rows {
  const qw_w8a8_weight* weight;
  const float* x;
  int64_t ldx;
  double* zeros;
};

void quantize(void* context, int64_t row, int8_t* q, float* scale, int32_t* sum) {
  const Rows& rows = *static_cast<const Rows*>(context);
  const qw_int8_token token = qw_int8_quantize(&rows.weight->activations, rows.x + row * rows.ldx, rows.weight->base.cols, q);
  *scale = token.scale;
  *sum = token.sum;
  if (rows.zeros != nullptr) rows.zeros[row] = token.zero;
}

size_t zeros_bytes(const qw_w8a8_weight* weight, int64_t m) { return weight->centres == nullptr ? 0 : size_t(m + 7) / 8 * 64; }

size_t scratch_bytes(const qw_weight* base, int64_t m) {
  const qw_w8a8_weight* weight = reinterpret_cast<const qw_w8a8_weight*>(base);
  return zeros_bytes(weight, m) + 64 + qw::w8a8_scratch_bytes(weight, m);
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_w8a8_weight* weight = reinterpret_cast<const qw_w8a8_weight*>(base);
  char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
  Rows rows = {weight, x, ldx, weight->centres == nullptr ? nullptr : reinterpret_cast<double*>(aligned)};
  qw::w8a8_product(weight, {&rows, quantize, nullptr, rows.zeros}, m, bias, y, ldy, aligned + zeros_bytes(weight, m), pool);
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
    qw_weight_memory_free(weight->centres);
  }
  delete weight;
}

}  // namespace

const qw_codec qw_codec_w8a8 = {"w8a8", scratch_bytes, matmul, dequantize, destroy, QW_W8A8_LAYOUT, qw_w8a8_save, qw_w8a8_restore};
