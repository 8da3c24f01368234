// Checks a QRazor weight and lays it out: the codes as a grouped weight with one group a row, and the shifts (codec.h).
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "linear/memory.h"
#include "linear/qrazor/codec.h"

namespace {

qw_status check(const qw_qrazor_stored& from) {
  if (from.rows < 1 || from.cols < 1 || from.shifts == nullptr || from.scale == nullptr) {
    return qw_error(QW_INVALID_ARGUMENT, "qrazor weight of %lld x %lld: needs codes, shifts and scales, and rows and columns of at least 1",
                    (long long)from.rows, (long long)from.cols);
  }
  if ((from.bits != 3 && from.bits != 4 && from.bits != 8) || (from.base_bits != 8 && from.base_bits != 16)) {
    return qw_error(QW_UNSUPPORTED, "qrazor weight: %d of %d bits; 3, 4 or 8 of 8 or 16 can be computed on", from.bits, from.base_bits);
  }
  if (!from.codes.is_signed) return qw_error(QW_INVALID_ARGUMENT, "qrazor weight: its codes are signed");
  const int64_t group = from.group_size;
  if (group < 8 || group > 128 || (group & (group - 1)) != 0 || (!from.along_outputs && from.cols % group != 0)) {
    return qw_error(QW_UNSUPPORTED, "qrazor weight of %lld x %lld: groups of %lld along %s; 8, 16, 32, 64 and 128 can be computed on%s", (long long)from.rows,
                    (long long)from.cols, (long long)group, from.along_outputs ? "outputs" : "inputs",
                    from.along_outputs ? "" : ", where they divide the columns");
  }
  for (int64_t row = 0; row < from.rows; ++row) {
    if (!std::isfinite(from.scale[row])) {
      return qw_error(QW_INVALID_ARGUMENT, "qrazor weight: scale %g of row %lld is not finite", double(from.scale[row]), (long long)row);
    }
  }
  const int64_t count = from.along_outputs ? (from.rows + group - 1) / group * from.cols : from.rows * (from.cols / group);
  const int most = from.base_bits - from.bits + 1;
  for (int64_t i = 0; i < count; ++i) {
    if (from.shifts[i] > most) {
      return qw_error(QW_INVALID_ARGUMENT, "qrazor weight: shift %d of group %lld; %d of %d bits are shifted by %d at most", from.shifts[i], (long long)i,
                      from.bits, from.base_bits, most);
    }
  }
  return qw_ok();
}

// Number `index` of a line of zeros.
void put(uint8_t* line, int shift_bits, int64_t index, uint8_t shift) {
  uint8_t* at = line + index / 8 * shift_bits;
  uint32_t eight = 0;
  std::memcpy(&eight, at, size_t(shift_bits));
  eight |= uint32_t(shift) << (index % 8 * shift_bits);
  std::memcpy(at, &eight, size_t(shift_bits));
}

void pack_shifts(const qw_qrazor_stored& from, qw_qrazor_weight* weight) {
  std::memset(weight->shifts, 0, qw_qrazor_shift_bytes(weight));
  const int bits = weight->shift_bits;
  if (from.along_outputs) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      uint8_t* line = weight->shifts + group * qw_qrazor_line(weight);
      for (int64_t k = 0; k < from.cols; ++k) put(line, bits, k, from.shifts[group * from.cols + k]);
    }
    return;
  }
  for (int64_t row = 0; row < from.rows; ++row) {
    uint8_t* lines = weight->shifts + row / QW_TILE_ROWS * weight->groups * qw_qrazor_line(weight);
    for (int64_t group = 0; group < weight->groups; ++group) {
      if (group * from.group_size >= from.cols) break;  // padding of a block of q3
      put(lines + group * qw_qrazor_line(weight), bits, row % QW_TILE_ROWS, from.shifts[row * (from.cols / from.group_size) + group]);
    }
  }
}

}  // namespace

qw_status qw_weight_qrazor(const qw_qrazor_stored* from, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const qw_status checked = check(*from);
  if (checked.code != QW_OK) return checked;
  try {
    const std::vector<float> zeros(static_cast<size_t>(from->rows));
    const qw_affine affine = {from->rows, from->cols, from->cols, from->codes, {QW_F32, 0, from->scale}, {QW_F32, 0, zeros.data()}, nullptr, QW_F32};
    qw_weight* packed = nullptr;
    const qw_status status = qw_grouped_pack(&qw_codec_qrazor, from->bits, &affine, pool, &packed);
    if (status.code != QW_OK) return status;
    qw_grouped* grouped = reinterpret_cast<qw_grouped*>(packed);
    qw_qrazor_weight* weight = new (std::nothrow) qw_qrazor_weight{};
    if (weight == nullptr) {
      qw_grouped_destroy(packed);
      return qw_error(QW_OUT_OF_MEMORY, "no memory for a qrazor weight");
    }
    weight->grouped = *grouped;
    delete grouped;  // its arrays are the new weight's now
    weight->grouped.offset = 0;
    weight->code_offset = 1 << (from->bits - 1);
    weight->group_size = from->group_size;
    weight->along_outputs = from->along_outputs;
    weight->shift_bits = qw_qrazor_shift_bits(from->base_bits);
    weight->groups = ((from->along_outputs ? from->rows : weight->grouped.depth) + from->group_size - 1) / from->group_size;
    weight->shifts = static_cast<uint8_t*>(qw_weight_memory(qw_qrazor_shift_bytes(weight)));
    if (weight->shifts == nullptr) {
      qw_codec_qrazor.destroy(&weight->grouped.base);
      return qw_error(QW_OUT_OF_MEMORY, "no memory for the shifts of a qrazor weight");
    }
    weight->grouped.base.bytes += qw_qrazor_shift_bytes(weight);
    pack_shifts(*from, weight);
    *out = &weight->grouped.base;
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "no memory for a qrazor weight of %lld x %lld", (long long)from->rows, (long long)from->cols);
  }
}
