// spqr as saved parts: those of the dense part (linear/grouped/saved.cc), row_begin, places and values.
#include <cmath>
#include <new>

#include "linear/spqr/codec.h"

namespace {

enum { kRowBegin = 4, kPlaces, kValues };

size_t place_bytes(const qw_spqr_weight& weight) { return weight.wide ? sizeof(uint32_t) : sizeof(uint16_t); }

// Rows follow each other, and places rise in a row and lie in it.
bool outliers_fit(const qw_spqr_weight& weight, int64_t count) {
  if (weight.row_begin[0] != 0 || weight.row_begin[weight.dense.base.rows] != count) return false;
  for (int64_t row = 0; row < weight.dense.base.rows; ++row) {
    const int64_t begin = weight.row_begin[row], end = weight.row_begin[row + 1];
    if (begin > end || end > count) return false;
    for (int64_t at = begin; at < end; ++at) {
      const int64_t place = qw_spqr_place(&weight, at);
      if (place >= weight.dense.depth || (at > begin && place <= qw_spqr_place(&weight, at - 1))) return false;
      if (weight.dense.columns != nullptr && weight.dense.columns[place] < 0) return false;
    }
  }
  return true;
}

}  // namespace

void qw_spqr_save(const qw_weight* base, qw_saved* out) {
  const qw_spqr_weight& weight = *reinterpret_cast<const qw_spqr_weight*>(base);
  qw_grouped_save(base, out);
  const size_t count = size_t(weight.row_begin[base->rows]);
  out->parts[kRowBegin] = {weight.row_begin, size_t(base->rows + 1) * sizeof(int32_t)};
  out->parts[kPlaces] = {weight.places, count * place_bytes(weight)};
  out->parts[kValues] = {weight.values, count * sizeof(uint16_t)};
}

qw_status qw_spqr_restore(const qw_saved* saved, qw_weight** out) {
  qw_weight* dense = nullptr;
  const int64_t bits = saved->fields[0];
  if (bits < 2 || bits > 4) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: the width of its codes");
  const qw_status status = qw_grouped_restore(&qw_codec_spqr, int(bits), saved, &dense);
  if (status.code != QW_OK) return status;
  qw_spqr_weight* weight = new (std::nothrow) qw_spqr_weight{};
  if (weight == nullptr) {
    qw_grouped_destroy(dense);
    return qw_error(QW_OUT_OF_MEMORY, "no memory for a spqr weight");
  }
  weight->dense = *reinterpret_cast<qw_grouped*>(dense);
  qw_grouped_destroy(dense);  // only what points into the saved bytes
  const int64_t count = int64_t(saved->parts[kValues].bytes / sizeof(uint16_t));
  weight->wide = weight->dense.depth > 65536;
  weight->dense.base.bytes += saved->parts[kRowBegin].bytes + saved->parts[kPlaces].bytes + saved->parts[kValues].bytes;
  // Never written to: a packed weight is read-only.
  weight->row_begin = static_cast<int32_t*>(const_cast<void*>(saved->parts[kRowBegin].data));
  weight->places = const_cast<void*>(saved->parts[kPlaces].data);
  weight->values = static_cast<uint16_t*>(const_cast<void*>(saved->parts[kValues].data));
  const bool fits = weight->dense.form == QW_PARAMS_BILEVEL && saved->parts[kRowBegin].bytes == size_t(saved->rows + 1) * sizeof(int32_t) &&
                    saved->parts[kPlaces].bytes == size_t(count) * place_bytes(*weight) && saved->parts[kValues].bytes == size_t(count) * sizeof(uint16_t);
  if (!fits || !outliers_fit(*weight, count)) {
    delete weight;
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its outliers");
  }
  *out = &weight->dense.base;
  return qw_ok();
}
