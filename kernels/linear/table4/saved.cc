// table4 as saved parts: codes, absmax and the table.
#include <cstring>
#include <new>

#include "linear/table4/codec.h"

namespace {
enum { kGroupBlocks };
enum { kCodes, kAbsmax, kTable };
}  // namespace

void qw_table4_save(const qw_weight* base, qw_saved* out) {
  const qw_table4_weight& weight = *reinterpret_cast<const qw_table4_weight*>(base);
  out->fields[kGroupBlocks] = weight.group_blocks;
  out->parts[kCodes] = {weight.codes, qw_table4_code_bytes(&weight)};
  out->parts[kAbsmax] = {weight.absmax, qw_table4_absmax_bytes(&weight)};
  out->parts[kTable] = {weight.table, sizeof weight.table};
}

qw_status qw_table4_restore(const qw_saved* saved, qw_weight** out) {
  const int64_t group_blocks = saved->fields[kGroupBlocks], blocks = saved->cols / QW_TABLE4_STEP;
  qw_table4_weight shape{};
  if (saved->cols % QW_TABLE4_STEP == 0 && group_blocks >= 1 && blocks % group_blocks == 0) {
    shape.tiles = (saved->rows + QW_TABLE4_TILE - 1) / QW_TABLE4_TILE;
    shape.blocks = blocks;
    shape.group_blocks = group_blocks;
    shape.groups = blocks / group_blocks;
  }
  const bool fits = shape.tiles > 0 && saved->parts[kCodes].bytes == qw_table4_code_bytes(&shape) &&
                    saved->parts[kAbsmax].bytes == qw_table4_absmax_bytes(&shape) && saved->parts[kTable].bytes == sizeof shape.table;
  if (!fits) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its dimensions");
  qw_table4_weight* weight = new (std::nothrow) qw_table4_weight(shape);
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a table4 weight");
  weight->base = {&qw_codec_table4, saved->rows, saved->cols, saved->parts[kCodes].bytes + saved->parts[kAbsmax].bytes, 1};
  std::memcpy(weight->table, saved->parts[kTable].data, sizeof weight->table);
  // Never written to: a packed weight is read-only.
  weight->codes = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kCodes].data));
  weight->absmax = static_cast<float*>(const_cast<void*>(saved->parts[kAbsmax].data));
  *out = &weight->base;
  return qw_ok();
}
