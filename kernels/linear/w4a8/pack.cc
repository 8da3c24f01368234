// Packs weights for the int8 codecs by groups: codes, params and the order of columns as the grouped codecs do, and what integers need
// beside them.
#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "linear/int8/tokens/tokens.h"
#include "linear/memory.h"
#include "linear/qrazor/codec.h"
#include "linear/w4a8/codec.h"

namespace {

// Sums of a group must end within int32: at most 255 * 128 * columns for codes of 8 bits, 15 * 128 * columns for 4, and twice that on the way.
constexpr int64_t kMostColumns8 = 32768, kMostColumns4 = 524288;

qw_status no_memory(const char* name) { return qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight", name); }

// The grouped weight becomes the beginning of one of ours.
qw_int8_groups* adopt(qw_weight* packed, const qw_activations& activations) {
  qw_grouped* grouped = reinterpret_cast<qw_grouped*>(packed);
  qw_int8_groups* weight = new (std::nothrow) qw_int8_groups{};
  if (weight == nullptr) {
    qw_grouped_destroy(packed);
    return nullptr;
  }
  weight->grouped = *grouped;
  delete grouped;  // its arrays are the new weight's now
  weight->form.activations = activations;
  weight->form.planes = 1;
  weight->form.plane_columns = weight->grouped.depth;
  return weight;
}

// S of every row, where activations have zero points.
qw_status sum_rows(qw_int8_groups* weight) {
  if (!qw_int8_has_zeros(&weight->form.activations)) return qw_ok();
  const qw_weight* base = &weight->grouped.base;
  const size_t bytes = size_t(weight->grouped.tiles) * QW_TILE_ROWS * sizeof(float);
  weight->sums = static_cast<float*>(qw_weight_memory(bytes));
  if (weight->sums == nullptr) return no_memory(base->codec->name);
  std::fill(weight->sums, weight->sums + weight->grouped.tiles * QW_TILE_ROWS, 0.0f);
  std::vector<float> values(size_t(base->cols));
  for (int64_t row = 0; row < base->rows; ++row) {
    base->codec->dequantize(base, row, 1, values.data());
    double sum = 0;
    for (const float value : values) sum += double(value);
    weight->sums[row] = float(sum);
  }
  weight->grouped.base.bytes += bytes;
  return qw_ok();
}

// code * 2^shift as balanced digits of 8 bits, lowest first.
int32_t digit(int32_t integer, int plane) {
  for (; plane > 0; --plane) integer = (integer - int8_t(integer)) / 256;
  return int8_t(integer);
}

// Signed codes [rows, planes * plane_columns] and their shifts [rows, units].
struct Razored {
  int bits, planes;
  int64_t plane_columns, unit, units;
  std::vector<uint8_t> codes, shifts;
};

int stored_code(const qw_qrazor_weight& weight, int64_t row, int64_t k) {
  return qw_grouped_code(&weight.grouped, row / QW_TILE_ROWS, int(row % QW_TILE_ROWS), k) - weight.code_offset;
}

// Shifts stay with their groups of columns.
void along_inputs(const qw_qrazor_weight& from, Razored* to) {
  const int64_t rows = from.grouped.base.rows, cols = from.grouped.base.cols;
  to->bits = from.grouped.bits == 8 ? 8 : 4;
  to->planes = 1;
  to->plane_columns = cols;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < cols; ++k) to->codes.push_back(uint8_t(stored_code(from, row, k)));
    for (int64_t unit = 0; unit < to->units; ++unit) to->shifts.push_back(uint8_t(qw_qrazor_shift(&from, row, unit * to->unit)));
  }
}

// Shifts differ from column to column: they go into the codes.
void along_outputs(const qw_qrazor_weight& from, Razored* to) {
  const int64_t rows = from.grouped.base.rows, cols = from.grouped.base.cols;
  int32_t low = 0, high = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < cols; ++k) {
      const int32_t integer = qw_qrazor_integer(&from, row, k);
      low = std::min(low, integer);
      high = std::max(high, integer);
    }
  }
  to->bits = 8;
  to->planes = 1;
  for (int64_t most = 127, least = -128; high > most || low < least; most = most * 256 + 127, least = least * 256 - 128) ++to->planes;
  to->plane_columns = to->planes == 1 ? cols : (cols + 7) / 8 * 8;
  const int64_t width = to->plane_columns;
  to->codes.assign(size_t(rows * to->planes * width), 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int plane = 0; plane < to->planes; ++plane) {
      uint8_t* line = to->codes.data() + (row * to->planes + plane) * width;
      for (int64_t k = 0; k < cols; ++k) line[k] = uint8_t(digit(qw_qrazor_integer(&from, row, k), plane));
      to->shifts.insert(to->shifts.end(), size_t(to->units), uint8_t(8 * plane));
    }
  }
}

qw_status fill_units(qw_int8_groups* weight, const Razored& from) {
  weight->form.planes = from.planes;
  weight->form.plane_columns = from.planes == 1 ? weight->grouped.depth : from.plane_columns;
  weight->form.units = from.planes * from.units;
  weight->unit_begin = new (std::nothrow) int64_t[size_t(weight->form.units) + 1];
  weight->shifts = static_cast<uint8_t*>(qw_weight_memory(size_t(weight->grouped.tiles * weight->form.units * QW_TILE_ROWS)));
  if (weight->unit_begin == nullptr || weight->shifts == nullptr) return no_memory("qrazor_int8");
  for (int64_t unit = 0; unit <= weight->form.units; ++unit) {
    const int64_t width = weight->form.plane_columns, column = unit / from.units * width + std::min(unit % from.units * from.unit, width);
    weight->unit_begin[unit] = unit == weight->form.units ? weight->grouped.blocks : column / weight->grouped.step;
  }
  for (int64_t tile = 0; tile < weight->grouped.tiles; ++tile) {
    for (int64_t unit = 0; unit < weight->form.units; ++unit) {
      for (int64_t lane = 0; lane < QW_TILE_ROWS; ++lane) {
        const int64_t row = tile * QW_TILE_ROWS + lane;
        weight->shifts[(tile * weight->form.units + unit) * QW_TILE_ROWS + lane] =
            row < weight->grouped.base.rows ? from.shifts[size_t(row * weight->form.units + unit)] : uint8_t(0);
      }
    }
  }
  weight->grouped.base.bytes += size_t(weight->grouped.tiles * weight->form.units * QW_TILE_ROWS);
  return qw_ok();
}

// Columns of all planes, which x has once; the only plane has been padded already.
qw_status repeat_columns(qw_int8_groups* weight, int64_t cols) {
  qw_grouped& grouped = weight->grouped;
  if (weight->form.planes == 1) return qw_ok();
  delete[] grouped.columns;
  grouped.columns = new (std::nothrow) int32_t[size_t(grouped.depth)];
  if (grouped.columns == nullptr) return no_memory("qrazor_int8");
  for (int64_t k = 0; k < grouped.depth; ++k) {
    const int64_t column = k % weight->form.plane_columns;
    grouped.columns[k] = column < cols ? int32_t(column) : -1;
  }
  grouped.base.bytes += size_t(grouped.depth) * sizeof(int32_t);
  return qw_ok();
}

}  // namespace

qw_status qw_int8_groups_pack(const qw_affine* affine, int code_bits, const qw_activations* activations, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const qw_codec* codec = code_bits == 4 ? &qw_codec_w4a8 : &qw_codec_w8a8_groups;
  qw_weight* packed = nullptr;
  qw_status status = qw_grouped_pack(codec, code_bits, affine, pool, &packed);
  if (status.code != QW_OK) return status;
  qw_int8_groups* weight = adopt(packed, *activations);
  if (weight == nullptr) return no_memory(codec->name);
  const qw_grouped& grouped = weight->grouped;
  weight->form.units = grouped.groups;
  weight->unit_begin = grouped.group_begin;
  const int64_t most = code_bits == 4 ? kMostColumns4 : kMostColumns8;
  if (grouped.longest_group > most) {
    status = qw_error(QW_UNSUPPORTED, "%s weight of %lld x %lld: a group of %lld columns; int32 sums hold %lld exactly", codec->name,
                      (long long)affine->rows, (long long)affine->cols, (long long)grouped.longest_group, (long long)most);
  }
  const float zero = grouped.shared_zero, stored_zero = zero + grouped.offset;
  if (grouped.zero_form == QW_ZERO_SHARED && zero == std::nearbyint(zero) && stored_zero >= 0 && stored_zero <= 255) {
    weight->form.folded_zero = int(zero);
  }
  try {
    if (status.code == QW_OK) status = sum_rows(weight);
  } catch (const std::bad_alloc&) {
    status = no_memory(codec->name);
  }
  if (status.code != QW_OK) {
    qw_int8_groups_destroy(&weight->grouped.base);
    return status;
  }
  *out = &weight->grouped.base;
  return qw_ok();
}

qw_status qw_int8_razored_pack(const qw_qrazor_stored* stored, const qw_activations* activations, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const bool razors = activations->kind == QW_ACTIVATION_RAZORED;
  if (activations->kind == QW_ACTIVATION_OUTLIERS) {
    return qw_error(QW_UNSUPPORTED, "qrazor weights are multiplied with razored activations, or those of a rule without outliers");
  }
  if (razors && stored->cols % activations->group_size != 0) {
    return qw_error(QW_UNSUPPORTED, "activations razored by groups of %d, which do not divide %lld columns", activations->group_size,
                    (long long)stored->cols);
  }
  qw_weight* floats = nullptr;
  qw_status status = qw_weight_qrazor(stored, pool, &floats);  // checks everything
  if (status.code != QW_OK) return status;
  const qw_qrazor_weight& from = *reinterpret_cast<const qw_qrazor_weight*>(floats);
  qw_int8_groups* weight = nullptr;
  try {
    Razored made{};
    const int64_t own = stored->along_outputs ? 128 : stored->group_size;
    made.unit = razors ? std::min<int64_t>(own, activations->group_size) : own;
    made.units = (stored->cols + made.unit - 1) / made.unit;
    stored->along_outputs ? along_outputs(from, &made) : along_inputs(from, &made);
    const int64_t width = made.planes * made.plane_columns;
    const std::vector<float> zeros(size_t(stored->rows));
    const qw_codes codes = {QW_CODES_BYTES, 8, 1, made.codes.data()};
    const qw_affine affine = {stored->rows, width, width, codes, {QW_F32, 0, stored->scale}, {QW_F32, 0, zeros.data()}, nullptr, QW_F32};
    qw_weight* packed = nullptr;
    status = qw_grouped_pack(&qw_codec_qrazor_int8, made.bits, &affine, pool, &packed);
    if (status.code == QW_OK) {
      weight = adopt(packed, *activations);
      if (weight == nullptr) status = no_memory("qrazor_int8");
    }
    if (status.code == QW_OK) {
      weight->form.razored = 1;
      weight->grouped.base.cols = stored->cols;
      status = fill_units(weight, made);
    }
    if (status.code == QW_OK) status = repeat_columns(weight, stored->cols);
    if (status.code == QW_OK) status = sum_rows(weight);
  } catch (const std::bad_alloc&) {
    status = no_memory("qrazor_int8");
  }
  qw_weight_free(floats);
  if (status.code != QW_OK) {
    if (weight != nullptr) qw_int8_groups_destroy(&weight->grouped.base);
    return status;
  }
  *out = &weight->grouped.base;
  return qw_ok();
}

void qw_int8_groups_destroy(qw_weight* base) {
  qw_int8_groups* weight = reinterpret_cast<qw_int8_groups*>(base);
  if (weight->unit_begin != weight->grouped.group_begin && !base->borrowed) delete[] weight->unit_begin;
  if (!base->borrowed) {
    qw_weight_memory_free(weight->grouped.codes);
    qw_weight_memory_free(weight->grouped.params);
    qw_weight_memory_free(weight->shifts);
    qw_weight_memory_free(weight->sums);
    delete[] weight->grouped.group_begin;
    delete[] weight->grouped.columns;
  }
  delete weight;
}
