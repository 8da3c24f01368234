// w8a8 as saved parts: codes and params.
#include <new>

#include "linear/float16.h"
#include "linear/w8a8/codec.h"

namespace {
enum { kTiles, kQuads, kOffset, kScaleType };
enum { kCodes, kParams };
}  // namespace

void qw_w8a8_save(const qw_weight* base, qw_saved* out) {
  const qw_w8a8_weight& weight = *reinterpret_cast<const qw_w8a8_weight*>(base);
  out->fields[kTiles] = weight.tiles;
  out->fields[kQuads] = weight.quads;
  out->fields[kOffset] = weight.offset;
  out->fields[kScaleType] = weight.scale_type;
  out->parts[kCodes] = {weight.codes, size_t(weight.tiles * weight.quads) * QW_W8A8_QUAD_BYTES};
  out->parts[kParams] = {weight.params, size_t(weight.tiles * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(weight.scale_type))};
}

qw_status qw_w8a8_restore(const qw_saved* saved, qw_weight** out) {
  const int64_t* fields = saved->fields;
  const bool fits = saved->cols <= QW_W8A8_MOST_COLS && fields[kTiles] == (saved->rows + QW_W8A8_TILE_ROWS - 1) / QW_W8A8_TILE_ROWS &&
                    fields[kQuads] == (saved->cols + 3) / 4 && (fields[kOffset] == 0 || fields[kOffset] == 128) && fields[kScaleType] >= QW_F32 &&
                    fields[kScaleType] <= QW_BF16 && saved->parts[kCodes].bytes == size_t(fields[kTiles] * fields[kQuads]) * QW_W8A8_QUAD_BYTES &&
                    saved->parts[kParams].bytes == size_t(fields[kTiles] * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(qw_type(fields[kScaleType])));
  if (!fits) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its dimensions");
  qw_w8a8_weight* weight = new (std::nothrow) qw_w8a8_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight");
  weight->base = {&qw_codec_w8a8, saved->rows, saved->cols, saved->parts[kCodes].bytes + saved->parts[kParams].bytes, 1};
  weight->tiles = fields[kTiles];
  weight->quads = fields[kQuads];
  weight->offset = int32_t(fields[kOffset]);
  weight->scale_type = qw_type(fields[kScaleType]);
  // Never written to: a packed weight is read-only.
  weight->codes = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kCodes].data));
  weight->params = const_cast<void*>(saved->parts[kParams].data);
  *out = &weight->base;
  return qw_ok();
}
