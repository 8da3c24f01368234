// Grouped weights as saved parts: codes, params, group_begin, and columns where the order is not the identity.
#include <initializer_list>
#include <new>

#include "linear/grouped/params.h"

namespace {

enum { kBits, kOffset, kTiles, kGroups, kBlocks, kLongestGroup, kScaleType, kZeroForm, kSharedZero, kForm, kScaleBits, kZeroBits };
enum { kCodes, kParams, kGroupBegin, kColumns };

qw_status damaged(const char* what) { return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %s", what); }

// group_begin rises from 0 to blocks, and the longest group is what it says; columns are those of x, or padding.
bool orders_fit(const qw_grouped& weight) {
  int64_t longest = 0;
  for (int64_t group = 0; group < weight.groups; ++group) {
    const int64_t length = weight.group_begin[group + 1] - weight.group_begin[group];
    if (length < 0 || length > weight.blocks) return false;
    longest = length > longest ? length : longest;
  }
  if (weight.group_begin[0] != 0 || weight.group_begin[weight.groups] != weight.blocks || longest * weight.step != weight.longest_group) return false;
  for (int64_t k = 0; weight.columns != nullptr && k < weight.depth; ++k) {
    if (weight.columns[k] < -1 || weight.columns[k] >= weight.base.cols) return false;
  }
  return true;
}

}  // namespace

void qw_grouped_save(const qw_weight* base, qw_saved* out) {
  const qw_grouped& weight = *reinterpret_cast<const qw_grouped*>(base);
  out->fields[kBits] = weight.bits;
  out->fields[kOffset] = int64_t(weight.offset);
  out->fields[kTiles] = weight.tiles;
  out->fields[kGroups] = weight.groups;
  out->fields[kBlocks] = weight.blocks;
  out->fields[kLongestGroup] = weight.longest_group;
  out->fields[kScaleType] = weight.scale_type;
  out->fields[kZeroForm] = weight.zero_form;
  out->fields[kForm] = weight.form;
  out->fields[kScaleBits] = weight.scale_bits;
  out->fields[kZeroBits] = weight.zero_bits;
  out->fields[kSharedZero] = qw_float_bits(weight.shared_zero);
  out->parts[kCodes] = {weight.codes, qw_grouped_code_bytes(&weight)};
  out->parts[kParams] = {weight.params, qw_grouped_param_bytes(&weight)};
  out->parts[kGroupBegin] = {weight.group_begin, size_t(weight.groups + 1) * sizeof(int64_t)};
  out->parts[kColumns] = {weight.columns, weight.columns == nullptr ? 0 : size_t(weight.depth) * sizeof(int32_t)};
}

qw_status qw_grouped_restore(const qw_codec* codec, int bits, const qw_saved* saved, qw_weight** out) {
  const int64_t* fields = saved->fields;
  const int64_t form = fields[kForm];
  if (form < QW_PARAMS_ZERO || form > QW_PARAMS_BILEVEL) return damaged("the form of its scales");
  if (fields[kBits] != bits || (fields[kOffset] != 0 && fields[kOffset] != 1 << (bits - 1))) return damaged("the width of its codes");
  for (const int64_t level_bits : {fields[kScaleBits], fields[kZeroBits]}) {
    if (form == QW_PARAMS_BILEVEL ? level_bits < 1 || level_bits > 8 : level_bits != 0) return damaged("the width of its levels");
  }
  // 16 or 32 columns a group, under scales of 256.
  if (qw_params_have_levels(qw_param_form(form)) && (saved->cols % QW_LEVEL_COLUMNS != 0 || (fields[kGroups] * 16 != saved->cols && fields[kGroups] * 32 != saved->cols))) {
    return damaged("its groups");
  }
  if (fields[kScaleType] < QW_F32 || fields[kScaleType] > QW_BF16) return damaged("the type of its scales");
  if (fields[kZeroForm] < QW_ZERO_TYPED || fields[kZeroForm] > QW_ZERO_SHARED || (fields[kSharedZero] & ~0xffffffffll) != 0) {
    return damaged("the form of its zeros");
  }
  if (fields[kTiles] != (saved->rows + QW_TILE_ROWS - 1) / QW_TILE_ROWS || fields[kGroups] < 1 || fields[kGroups] > saved->cols ||
      fields[kBlocks] < 1 || fields[kBlocks] > 2 * saved->cols) {
    return damaged("its dimensions");
  }
  qw_grouped* weight = new (std::nothrow) qw_grouped{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight", codec->name);
  weight->base = {codec, saved->rows, saved->cols, saved->parts[kCodes].bytes + saved->parts[kParams].bytes + saved->parts[kColumns].bytes, 1};
  weight->bits = bits;
  weight->step = qw_grouped_step(bits);
  weight->offset = float(fields[kOffset]);
  weight->tiles = fields[kTiles];
  weight->groups = fields[kGroups];
  weight->blocks = fields[kBlocks];
  weight->depth = weight->blocks * weight->step;
  weight->longest_group = fields[kLongestGroup];
  weight->scale_type = qw_type(fields[kScaleType]);
  weight->zero_form = qw_zero_form(fields[kZeroForm]);
  weight->form = qw_param_form(form);
  weight->scale_bits = int(fields[kScaleBits]);
  weight->zero_bits = int(fields[kZeroBits]);
  weight->shared_zero = qw_float_from_bits(uint32_t(fields[kSharedZero]));
  qw_grouped_measure(weight);
  // Never written to: a packed weight is read-only.
  weight->codes = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kCodes].data));
  weight->params = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kParams].data));
  weight->group_begin = static_cast<int64_t*>(const_cast<void*>(saved->parts[kGroupBegin].data));
  const bool ordered = saved->parts[kColumns].bytes != 0;
  weight->columns = ordered ? static_cast<int32_t*>(const_cast<void*>(saved->parts[kColumns].data)) : nullptr;
  const bool lengths_fit = saved->parts[kCodes].bytes == qw_grouped_code_bytes(weight) && saved->parts[kParams].bytes == qw_grouped_param_bytes(weight) &&
                           saved->parts[kGroupBegin].bytes == size_t(weight->groups + 1) * sizeof(int64_t) &&
                           (ordered ? saved->parts[kColumns].bytes == size_t(weight->depth) * sizeof(int32_t) : weight->depth == saved->cols);
  if (!lengths_fit || !orders_fit(*weight)) {
    delete weight;
    return damaged(lengths_fit ? "its order of columns" : "the lengths of its parts");
  }
  *out = &weight->base;
  return qw_ok();
}
