// bcq as saved parts: planes, alphas, q_bias, group_begin, and columns where the order is not the identity.
#include <initializer_list>
#include <new>

#include "linear/bcq/codec.h"

namespace {

enum { kBits, kDoubling, kGroups, kWords, kAlphaType, kBiasType };
enum { kPlanes, kAlpha, kBias, kGroupBegin, kColumns };

qw_status damaged(const char* what) { return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %s", what); }

bool orders_fit(const qw_bcq_weight& weight) {
  for (int64_t group = 0; group < weight.groups; ++group) {
    if (weight.group_begin[group + 1] < weight.group_begin[group]) return false;
  }
  if (weight.group_begin[0] != 0 || weight.group_begin[weight.groups] != weight.words) return false;
  for (int64_t k = 0; weight.columns != nullptr && k < weight.words * QW_BCQ_WORD; ++k) {
    if (weight.columns[k] < -1 || weight.columns[k] >= weight.base.cols) return false;
  }
  return true;
}

template <typename Item>
Item* at(const qw_saved_part& part) {
  // Never written to: a packed weight is read-only.
  return part.bytes == 0 ? nullptr : static_cast<Item*>(const_cast<void*>(part.data));
}

}  // namespace

void qw_bcq_save(const qw_weight* base, qw_saved* out) {
  const qw_bcq_weight& weight = *reinterpret_cast<const qw_bcq_weight*>(base);
  out->fields[kBits] = weight.bits;
  out->fields[kDoubling] = weight.doubling;
  out->fields[kGroups] = weight.groups;
  out->fields[kWords] = weight.words;
  out->fields[kAlphaType] = weight.alpha_type;
  out->fields[kBiasType] = weight.bias_type;
  out->parts[kPlanes] = {weight.planes, qw_bcq_plane_bytes(&weight)};
  out->parts[kAlpha] = {weight.alpha, qw_bcq_alpha_bytes(&weight)};
  out->parts[kBias] = {weight.q_bias, weight.q_bias == nullptr ? 0 : qw_bcq_bias_bytes(&weight)};
  out->parts[kGroupBegin] = {weight.group_begin, size_t(weight.groups + 1) * sizeof(int64_t)};
  out->parts[kColumns] = {weight.columns, weight.columns == nullptr ? 0 : size_t(weight.words) * QW_BCQ_WORD * sizeof(int32_t)};
}

qw_status qw_bcq_restore(const qw_saved* saved, qw_weight** out) {
  const int64_t* fields = saved->fields;
  if (fields[kBits] < 1 || fields[kBits] > QW_BCQ_BITS || (fields[kDoubling] != 0 && fields[kDoubling] != 1)) return damaged("the width of its codes");
  for (const int64_t type : {fields[kAlphaType], fields[kBiasType]}) {
    if (type < QW_F32 || type > QW_BF16) return damaged("the type of its scales");
  }
  if (fields[kGroups] < 1 || fields[kGroups] > saved->cols || fields[kWords] * QW_BCQ_WORD < saved->cols || fields[kWords] > saved->cols + fields[kGroups]) {
    return damaged("its dimensions");
  }
  qw_bcq_weight* weight = new (std::nothrow) qw_bcq_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a bcq weight");
  size_t bytes = 0;
  for (const int part : {kPlanes, kAlpha, kBias, kColumns}) bytes += saved->parts[part].bytes;
  weight->base = {&qw_codec_bcq, saved->rows, saved->cols, bytes, 1};
  weight->bits = int(fields[kBits]);
  weight->doubling = int(fields[kDoubling]);
  weight->tiles = (saved->rows + QW_BCQ_TILE - 1) / QW_BCQ_TILE;
  weight->groups = fields[kGroups];
  weight->words = fields[kWords];
  weight->alpha_type = qw_type(fields[kAlphaType]);
  weight->bias_type = qw_type(fields[kBiasType]);
  weight->planes = at<uint32_t>(saved->parts[kPlanes]);
  weight->alpha = at<uint8_t>(saved->parts[kAlpha]);
  weight->q_bias = at<uint8_t>(saved->parts[kBias]);
  weight->group_begin = at<int64_t>(saved->parts[kGroupBegin]);
  weight->columns = at<int32_t>(saved->parts[kColumns]);
  const size_t column_bytes = size_t(weight->words) * QW_BCQ_WORD * sizeof(int32_t);
  const bool fits = saved->parts[kPlanes].bytes == qw_bcq_plane_bytes(weight) && saved->parts[kAlpha].bytes == qw_bcq_alpha_bytes(weight) &&
                    (weight->q_bias == nullptr || saved->parts[kBias].bytes == qw_bcq_bias_bytes(weight)) &&
                    saved->parts[kGroupBegin].bytes == size_t(weight->groups + 1) * sizeof(int64_t) &&
                    (weight->columns == nullptr ? weight->words * QW_BCQ_WORD == saved->cols : saved->parts[kColumns].bytes == column_bytes);
  if (!fits || !orders_fit(*weight)) {
    delete weight;
    return damaged(fits ? "its order of columns" : "the lengths of its parts");
  }
  *out = &weight->base;
  return qw_ok();
}
