// qrazor as saved parts: those of a grouped weight (grouped/saved.cc), and the shifts.
#include <new>

#include "linear/qrazor/codec.h"

namespace {
enum { kGroupSize = 10, kForm };  // those that a grouped weight has for bilevel scales, which are 0 here
enum { kShifts = 4 };             // behind the parts of a grouped weight
}  // namespace

void qw_qrazor_save(const qw_weight* base, qw_saved* out) {
  const qw_qrazor_weight& weight = *reinterpret_cast<const qw_qrazor_weight*>(base);
  qw_grouped_save(base, out);
  out->fields[kGroupSize] = weight.group_size;
  out->fields[kForm] = weight.shift_bits * 2 + weight.along_outputs;
  out->parts[kShifts] = {weight.shifts, qw_qrazor_shift_bytes(&weight)};
}

qw_status qw_qrazor_restore(const qw_saved* saved, qw_weight** out) {
  const int64_t bits = saved->fields[0], group_size = saved->fields[kGroupSize], form = saved->fields[kForm];
  const bool along_outputs = form % 2 != 0;
  const bool fits = group_size >= 8 && group_size <= 128 && (group_size & (group_size - 1)) == 0 && (along_outputs || saved->cols % group_size == 0);
  if ((bits != 3 && bits != 4 && bits != 8) || form < 6 || form > 9 || !fits) {
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: the form of its shifts");
  }
  qw_weight* restored = nullptr;
  qw_saved codes_only = *saved;
  codes_only.fields[kGroupSize] = codes_only.fields[kForm] = 0;
  const qw_status status = qw_grouped_restore(&qw_codec_qrazor, int(bits), &codes_only, &restored);
  if (status.code != QW_OK) return status;
  qw_grouped* grouped = reinterpret_cast<qw_grouped*>(restored);
  qw_qrazor_weight* weight = new (std::nothrow) qw_qrazor_weight{};
  if (weight != nullptr) weight->grouped = *grouped;
  delete grouped;  // borrowed: it owns nothing
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a qrazor weight");
  weight->code_offset = 1 << (bits - 1);
  weight->group_size = group_size;
  weight->along_outputs = along_outputs;
  weight->shift_bits = int(form / 2);
  weight->groups = ((along_outputs ? saved->rows : weight->grouped.depth) + group_size - 1) / group_size;
  // Never written to: a packed weight is read-only.
  weight->shifts = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kShifts].data));
  const qw_grouped& codes = weight->grouped;
  const bool plain = codes.groups == 1 && codes.offset == 0 && codes.scale_type == QW_F32 && codes.form == 0 && codes.zero_form == QW_ZERO_SHARED &&
                     codes.shared_zero == 0;
  if (!plain || saved->parts[kShifts].bytes != qw_qrazor_shift_bytes(weight)) {
    delete weight;
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %s", plain ? "the length of its shifts" : "the form of its scales");
  }
  weight->grouped.base.bytes += saved->parts[kShifts].bytes;
  *out = &weight->grouped.base;
  return qw_ok();
}
