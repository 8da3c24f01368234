// Checks a stored SpQR weight and lays it out (codec.h).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/grouped/lines.h"
#include "linear/grouped/params.h"
#include "linear/memory.h"
#include "linear/spqr/codec.h"
#include "linear/stored.h"

namespace {

uint16_t half_at(const uint8_t* data, int64_t at) {
  uint16_t value;
  std::memcpy(&value, data + at * 2, 2);
  return value;
}

int64_t column_at(const qw_spqr& from, int64_t at) {
  if (from.cols <= 65536) return half_at(from.columns, at);
  int32_t column;
  std::memcpy(&column, from.columns + at * 4, 4);
  return column;
}

qw_status check(const qw_spqr& from) {
  if (from.rows < 1 || from.cols < 1 || from.cols > INT32_MAX || from.group_size < 1 || from.group_size > from.cols) {
    return qw_error(QW_INVALID_ARGUMENT, "spqr weight of %lld x %lld in groups of %lld: rows, columns and groups must be at least 1, groups at most a row",
                    (long long)from.rows, (long long)from.cols, (long long)from.group_size);
  }
  if (from.bits < 2 || from.bits > 4 || from.scale_bits < 1 || from.scale_bits > 8 || from.zero_bits < 1 || from.zero_bits > 8) {
    return qw_error(QW_UNSUPPORTED, "spqr weight: codes of %d, scales of %d and zeros of %d bits; codes have 2, 3 or 4, the others 1 to 8", from.bits,
                    from.scale_bits, from.zero_bits);
  }
  const int64_t groups = (from.cols + from.group_size - 1) / from.group_size, tiles = (from.rows + QW_TILE_ROWS - 1) / QW_TILE_ROWS;
  for (int64_t column = 0; from.g_idx != nullptr && column < from.cols; ++column) {
    if (from.g_idx[column] < 0 || from.g_idx[column] >= groups) {
      return qw_error(QW_INVALID_ARGUMENT, "spqr weight: g_idx[%lld] = %d, but there are %lld groups", (long long)column, from.g_idx[column],
                      (long long)groups);
    }
  }
  for (int64_t at = 0; at < tiles * groups * 4; ++at) {
    if (!std::isfinite(qw_f16_to_f32(half_at(from.second, at)))) {
      return qw_error(QW_INVALID_ARGUMENT, "spqr weight: the scale of scales or zeros of rows %lld on, group %lld is not finite",
                      (long long)(at / 4 / groups * QW_TILE_ROWS), (long long)(at / 4 % groups));
    }
  }
  if (from.outliers < 0 || from.outliers > INT32_MAX) return qw_error(QW_UNSUPPORTED, "spqr weight: %lld outliers", (long long)from.outliers);
  int64_t at = 0;
  for (int64_t row = 0; row < from.rows; ++row) {
    const int64_t end = at + half_at(from.counts, row);
    if (end > from.outliers) return qw_error(QW_INVALID_ARGUMENT, "spqr weight: rows up to %lld count more than the %lld outliers there are", (long long)row, (long long)from.outliers);
    for (int64_t before = -1; at < end; before = column_at(from, at++)) {
      const int64_t column = column_at(from, at);
      if (column <= before || column >= from.cols || !std::isfinite(qw_f16_to_f32(half_at(from.values, at)))) {
        return qw_error(QW_INVALID_ARGUMENT, "spqr weight: an outlier of row %lld at column %lld: columns must rise below %lld, and values be finite", (long long)row,
                        (long long)column, (long long)from.cols);
      }
    }
  }
  if (at != from.outliers) {
    return qw_error(QW_INVALID_ARGUMENT, "spqr weight: rows count %lld outliers, but there are %lld", (long long)at, (long long)from.outliers);
  }
  return qw_ok();
}

// Columns group by group, each padded to whole blocks; throws std::bad_alloc.
void order_columns(const qw_spqr& from, qw_grouped* weight, std::vector<int32_t>& columns) {
  std::vector<std::vector<int32_t>> members(static_cast<size_t>(weight->groups));
  for (int64_t column = 0; column < from.cols; ++column) {
    members[size_t(from.g_idx == nullptr ? column / from.group_size : from.g_idx[column])].push_back(int32_t(column));
  }
  weight->group_begin = new int64_t[size_t(weight->groups) + 1];
  int64_t block = 0;
  for (int64_t group = 0; group < weight->groups; ++group) {
    weight->group_begin[group] = block;
    columns.insert(columns.end(), members[size_t(group)].begin(), members[size_t(group)].end());
    while (columns.size() % size_t(weight->step) != 0) columns.push_back(-1);
    const int64_t end = int64_t(columns.size()) / weight->step;
    weight->longest_group = std::max(weight->longest_group, (end - block) * weight->step);
    block = end;
  }
  weight->group_begin[weight->groups] = weight->blocks = block;
  weight->depth = block * weight->step;
  bool identity = weight->depth == from.cols;
  for (size_t i = 0; identity && i < columns.size(); ++i) identity = columns[i] == int32_t(i);
  if (identity) return;
  weight->columns = new int32_t[columns.size()];
  std::copy(columns.begin(), columns.end(), weight->columns);
}

void pack_params(const qw_spqr& from, qw_grouped* weight, int64_t tile) {
  const int64_t planes = from.scale_bits + from.zero_bits;
  for (int64_t group = 0; group < weight->groups; ++group) {
    const int64_t at = tile * weight->groups + group;
    uint8_t* params = weight->params + at * weight->param_bytes;
    std::memcpy(params, from.second + at * 8, 8);
    std::memcpy(params + 8, from.levels + at * planes * 2, size_t(planes) * 2);
  }
}

// Outliers of a row by their place in the packed order.
void pack_outliers(const qw_spqr& from, qw_spqr_weight* weight, const std::vector<int32_t>& place_of, int64_t row) {
  std::vector<std::pair<int32_t, uint16_t>> entries;
  for (int64_t at = weight->row_begin[row]; at < weight->row_begin[row + 1]; ++at) {
    entries.emplace_back(place_of[size_t(column_at(from, at))], half_at(from.values, at));
  }
  std::sort(entries.begin(), entries.end());
  int64_t at = weight->row_begin[row];
  for (const auto& [place, value] : entries) {
    if (weight->wide) static_cast<uint32_t*>(weight->places)[at] = uint32_t(place);
    else static_cast<uint16_t*>(weight->places)[at] = uint16_t(place);
    weight->values[at++] = value;
  }
}

qw_status pack(const qw_spqr& from, qw_pool* pool, qw_spqr_weight* weight) {
  qw_grouped* dense = &weight->dense;
  std::vector<int32_t> columns, place_of(static_cast<size_t>(from.cols));
  order_columns(from, dense, columns);
  for (size_t place = 0; place < columns.size(); ++place) {
    if (columns[place] >= 0) place_of[size_t(columns[place])] = int32_t(place);
  }
  qw_grouped_measure(dense);
  weight->wide = dense->depth > 65536;
  const size_t code_bytes = qw_grouped_code_bytes(dense), param_bytes = qw_grouped_param_bytes(dense), row_bytes = size_t(from.rows + 1) * sizeof(int32_t);
  const size_t place_bytes = size_t(from.outliers) * (weight->wide ? 4 : 2), value_bytes = size_t(from.outliers) * 2;
  dense->base.bytes = code_bytes + param_bytes + row_bytes + place_bytes + value_bytes + (dense->columns == nullptr ? 0 : columns.size() * sizeof(int32_t));
  dense->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
  dense->params = static_cast<uint8_t*>(qw_weight_memory(param_bytes));
  weight->row_begin = static_cast<int32_t*>(qw_weight_memory(row_bytes));
  weight->places = qw_weight_memory(std::max<size_t>(1, place_bytes));
  weight->values = static_cast<uint16_t*>(qw_weight_memory(std::max<size_t>(1, value_bytes)));
  if (dense->codes == nullptr || dense->params == nullptr || weight->row_begin == nullptr || weight->places == nullptr || weight->values == nullptr) {
    throw std::bad_alloc();
  }
  weight->row_begin[0] = 0;
  for (int64_t row = 0; row < from.rows; ++row) weight->row_begin[row + 1] = weight->row_begin[row] + half_at(from.counts, row);
  const qw_affine codes = {from.rows, from.cols, from.group_size, from.codes, {}, {}, from.g_idx, QW_F16};
  std::vector<std::vector<uint8_t>> scratch(static_cast<size_t>(qw_pool_threads(pool)));
  std::atomic<bool> no_memory{false}, misfit{false};
  qw::parallel(pool, qw_bands(&codes), 1, [&](int64_t begin, int64_t end, int thread) {
    try {
      for (int64_t at = begin; at < end; ++at) {
        const qw_band band = qw_read_band(&codes, at, scratch[size_t(thread)]);
        for (int64_t first = 0; first < band.count; first += QW_TILE_ROWS) {
          const int64_t tile = (band.row + first) / QW_TILE_ROWS, count = std::min<int64_t>(QW_TILE_ROWS, band.count - first);
          pack_params(from, dense, tile);
          if (!qw_pack_tile_of(from.bits, band.codes + first * band.ld, band.ld, count, dense->blocks, dense->columns, 0, dense->codes + tile * dense->tile_bytes)) {
            misfit = true;
          }
        }
        for (int64_t row = band.row; row < band.row + band.count; ++row) pack_outliers(from, weight, place_of, row);
      }
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
  });
  if (no_memory) throw std::bad_alloc();
  return misfit ? qw_error(QW_INVALID_ARGUMENT, "spqr weight: a code does not fit %d bits", from.bits) : qw_ok();
}

}  // namespace

qw_status qw_weight_spqr(const qw_spqr* from, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  qw_status status = check(*from);
  const qw_affine codes = {from->rows, from->cols, from->group_size, from->codes, {QW_F32, 0, nullptr}, {QW_F32, 0, nullptr}, nullptr, QW_F16};
  if (status.code == QW_OK) status = qw_check_stored(&codes, "spqr");
  if (status.code != QW_OK) return status;
  qw_spqr_weight* weight = new (std::nothrow) qw_spqr_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a spqr weight");
  qw_grouped* dense = &weight->dense;
  dense->base = {&qw_codec_spqr, from->rows, from->cols, 0, 0};
  dense->bits = from->bits;
  dense->step = qw_grouped_step(from->bits);
  dense->tiles = (from->rows + QW_TILE_ROWS - 1) / QW_TILE_ROWS;
  dense->groups = (from->cols + from->group_size - 1) / from->group_size;
  dense->form = QW_PARAMS_BILEVEL;
  dense->scale_type = QW_F16;
  dense->scale_bits = from->scale_bits;
  dense->zero_bits = from->zero_bits;
  try {
    status = pack(*from, pool, weight);
  } catch (const std::bad_alloc&) {
    status = qw_error(QW_OUT_OF_MEMORY, "no memory for a spqr weight of %lld x %lld", (long long)from->rows, (long long)from->cols);
  }
  if (status.code != QW_OK) {
    qw_spqr_destroy(&dense->base);
    return status;
  }
  *out = &dense->base;
  return qw_ok();
}
