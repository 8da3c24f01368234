// The int8 codecs by groups as saved parts: those of a grouped weight (grouped/saved.cc), their form, and what lies beside the codes.
#include <cstring>
#include <new>

#include "linear/int8/tokens/tokens.h"
#include "linear/int8/weight.h"
#include "linear/w4a8/codec.h"

namespace {

enum { kForm = 4, kUnitBegin, kShifts, kSums };  // behind the parts of a grouped weight

qw_status damaged(const char* what) { return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %s", what); }

// What `form` says fits the codes, so that no kernel reads past them.
bool form_fits(const qw_int8_groups& weight, bool razored) {
  const qw_int8_form& form = weight.form;
  const qw_grouped& grouped = weight.grouped;
  if (grouped.form != QW_PARAMS_ZERO || form.razored != int(razored) || form.planes < 1 || form.planes > 3 || form.units < 1) return false;
  if (form.planes * form.plane_columns != grouped.depth || (form.planes > 1 && !razored)) return false;
  if (form.folded_zero != 0 && (grouped.zero_form != QW_ZERO_SHARED || float(form.folded_zero) != grouped.shared_zero)) return false;
  if (!razored) return form.units == grouped.groups && form.activations.kind <= QW_ACTIVATION_TENSOR;
  if (grouped.groups != 1 || grouped.zero_form != QW_ZERO_SHARED || grouped.shared_zero != 0 || form.units > grouped.blocks) return false;
  return form.activations.kind != QW_ACTIVATION_RAZORED || grouped.base.cols % form.activations.group_size == 0;
}

bool units_fit(const qw_int8_groups& weight) {
  for (int64_t unit = 0; unit < weight.form.units; ++unit) {
    const int64_t begin = weight.unit_begin[unit], end = weight.unit_begin[unit + 1];
    if (begin < 0 || end < begin || end > weight.grouped.blocks) return false;
    // Every unit lies within a group of the activations.
    const qw_activations& activations = weight.form.activations;
    if (weight.form.razored && activations.kind == QW_ACTIVATION_RAZORED &&
        begin * weight.grouped.step % weight.form.plane_columns / activations.group_size >= weight.grouped.base.cols / activations.group_size) {
      return false;
    }
  }
  return weight.unit_begin[0] == 0 && weight.unit_begin[weight.form.units] == weight.grouped.blocks;
}

qw_status restore(const qw_codec* codec, int bits, bool razored, const qw_saved* saved, qw_weight** out) {
  qw_weight* packed = nullptr;
  const qw_status status = qw_grouped_restore(codec, bits, saved, &packed);
  if (status.code != QW_OK) return status;
  qw_int8_groups* weight = new (std::nothrow) qw_int8_groups{};
  if (weight != nullptr) weight->grouped = *reinterpret_cast<qw_grouped*>(packed);
  delete reinterpret_cast<qw_grouped*>(packed);  // borrowed: it owns nothing
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight", codec->name);
  const auto part = [&](int index) { return const_cast<void*>(saved->parts[index].data); };  // never written to: a packed weight is read-only
  const qw_saved_part* parts = saved->parts;
  bool fits = parts[kForm].bytes == sizeof(qw_int8_form);
  if (fits) std::memcpy(&weight->form, parts[kForm].data, sizeof(qw_int8_form));
  fits = fits && qw_check_activations(&weight->form.activations).code == QW_OK && form_fits(*weight, razored);
  const size_t cells = fits ? size_t(weight->grouped.tiles * weight->form.units) * QW_TILE_ROWS : 0;
  fits = fits && (razored ? parts[kUnitBegin].bytes == size_t(weight->form.units + 1) * sizeof(int64_t) && parts[kShifts].bytes == cells
                          : parts[kUnitBegin].bytes == 0 && parts[kShifts].bytes == 0);
  if (fits) {
    weight->unit_begin = razored ? static_cast<int64_t*>(part(kUnitBegin)) : weight->grouped.group_begin;
    weight->shifts = razored ? static_cast<uint8_t*>(part(kShifts)) : nullptr;
    const size_t sum_bytes = qw_int8_has_zeros(&weight->form.activations) ? size_t(weight->grouped.tiles) * QW_TILE_ROWS * sizeof(float) : 0;
    weight->sums = sum_bytes == 0 ? nullptr : static_cast<float*>(part(kSums));
    fits = units_fit(*weight) && parts[kSums].bytes == sum_bytes;
    for (size_t i = 0; fits && razored && i < cells; ++i) fits = weight->shifts[i] <= 16;
  }
  if (!fits) {
    delete weight;
    return damaged("the form of its groups");
  }
  weight->grouped.base.bytes += parts[kShifts].bytes + parts[kSums].bytes;
  *out = &weight->grouped.base;
  return qw_ok();
}

}  // namespace

void qw_int8_groups_save(const qw_weight* base, qw_saved* out) {
  const qw_int8_groups& weight = *reinterpret_cast<const qw_int8_groups*>(base);
  const size_t cells = size_t(weight.grouped.tiles * weight.form.units) * QW_TILE_ROWS;
  qw_grouped_save(base, out);
  out->parts[kForm] = {&weight.form, sizeof weight.form};
  if (weight.form.razored) {
    out->parts[kUnitBegin] = {weight.unit_begin, size_t(weight.form.units + 1) * sizeof(int64_t)};
    out->parts[kShifts] = {weight.shifts, cells};
  }
  if (weight.sums != nullptr) out->parts[kSums] = {weight.sums, size_t(weight.grouped.tiles) * QW_TILE_ROWS * sizeof(float)};
}

qw_status qw_int8_groups_restore_w4a8(const qw_saved* saved, qw_weight** out) { return restore(&qw_codec_w4a8, 4, false, saved, out); }
qw_status qw_int8_groups_restore_w8a8(const qw_saved* saved, qw_weight** out) { return restore(&qw_codec_w8a8_groups, 8, false, saved, out); }
qw_status qw_int8_groups_restore_qrazor(const qw_saved* saved, qw_weight** out) {
  return restore(&qw_codec_qrazor_int8, saved->fields[0] == 8 ? 8 : 4, true, saved, out);
}
