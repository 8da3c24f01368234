// Checks an affine weight and lays it out for w8a8 (codec.h).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>

#include "linear/float16.h"
#include "linear/memory.h"
#include "linear/w8a8/codec.h"

namespace {

struct Packing {
  const qw_affine* affine;
  qw_w8a8_weight* weight;
  std::atomic<int64_t> bad_row{-1};
};

bool exact(qw_type type, float value) { return std::isfinite(value) && qw_round_to_type(type, value) == value; }

void pack_tiles(void* context, int64_t begin, int64_t end, int) {
  Packing& packing = *static_cast<Packing*>(context);
  const qw_affine& affine = *packing.affine;
  qw_w8a8_weight& weight = *packing.weight;
  const uint8_t* codes = static_cast<const uint8_t*>(affine.codes);  // signed codes: the same bytes, +128 flips the top bit
  const uint8_t flip = affine.is_signed ? 0x80 : 0;
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int r = 0; r < QW_W8A8_TILE_ROWS; ++r) {
      const int64_t row = tile * QW_W8A8_TILE_ROWS + r;
      const bool inside = row < affine.rows;
      const float scale = inside ? affine.scale[row] : 0, zero = inside ? affine.zero[row] : 0;
      if (!exact(weight.scale_type, scale) || !exact(weight.scale_type, zero)) packing.bad_row.store(row, std::memory_order_relaxed);
      qw_write_typed(weight.scale_type, weight.params, tile * 2 * QW_W8A8_TILE_ROWS + r, scale);
      qw_write_typed(weight.scale_type, weight.params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS + r, zero);
      uint8_t* lane = weight.codes + tile * weight.quads * QW_W8A8_QUAD_BYTES + r * 4;
      for (int64_t k = 0; k < weight.quads * 4; ++k) {
        lane[k / 4 * QW_W8A8_QUAD_BYTES + k % 4] = inside && k < affine.cols ? uint8_t(codes[row * affine.cols + k] ^ flip) : 0;
      }
    }
  }
}

qw_status check(const qw_affine& affine) {
  if (affine.rows < 1 || affine.cols < 1 || affine.cols > QW_W8A8_MOST_COLS) {
    return qw_error(QW_UNSUPPORTED, "w8a8 weight of %lld x %lld: needs rows and 1 to %d columns, which int32 sums hold exactly",
                    (long long)affine.rows, (long long)affine.cols, int(QW_W8A8_MOST_COLS));
  }
  if (affine.group_size != affine.cols || affine.g_idx != nullptr) {
    return qw_error(QW_UNSUPPORTED,
                    "w8a8 weight of %lld x %lld: group_size %lld%s; int8 activations need one scale per row (group_size -1, no g_idx). "
                    "Use weight_only for groups",
                    (long long)affine.rows, (long long)affine.cols, (long long)affine.group_size,
                    affine.g_idx != nullptr ? " with g_idx" : "");
  }
  return qw_ok();
}

}  // namespace

qw_status qw_w8a8_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  const qw_status checked = check(*affine);
  if (checked.code != QW_OK) return checked;
  qw_w8a8_weight* weight = new (std::nothrow) qw_w8a8_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight");
  weight->tiles = (affine->rows + QW_W8A8_TILE_ROWS - 1) / QW_W8A8_TILE_ROWS;
  weight->quads = (affine->cols + 3) / 4;
  weight->offset = affine->is_signed ? 128 : 0;
  weight->scale_type = affine->scale_type;
  const size_t code_bytes = size_t(weight->tiles * weight->quads) * QW_W8A8_QUAD_BYTES;
  const size_t param_bytes = size_t(weight->tiles * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(weight->scale_type));
  weight->base = {&qw_codec_w8a8, affine->rows, affine->cols, code_bytes + param_bytes};
  weight->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
  weight->params = qw_weight_memory(param_bytes);
  qw_status status = qw_ok();
  if (weight->codes == nullptr || weight->params == nullptr) {
    status = qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight of %lld x %lld (%zu bytes)", (long long)affine->rows,
                      (long long)affine->cols, code_bytes + param_bytes);
  } else {
    Packing packing;
    packing.affine = affine;
    packing.weight = weight;
    qw_parallel_for(pool, weight->tiles, std::max<int64_t>(1, 65536 / affine->cols), pack_tiles, &packing);
    if (const int64_t row = packing.bad_row.load(); row >= 0) {
      static const char* const names[] = {"f32", "f16", "bf16"};
      status = qw_error(QW_INVALID_ARGUMENT, "w8a8 weight: scale %.9g or zero %.9g of row %lld is not exact in %s", affine->scale[row],
                        affine->zero[row], (long long)row, names[affine->scale_type]);
    }
  }
  if (status.code != QW_OK) {
    qw_codec_w8a8.destroy(&weight->base);
    return status;
  }
  *out = &weight->base;
  return status;
}
