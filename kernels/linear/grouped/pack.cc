// Checks an affine weight and lays it out (grouped.h).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "linear/float16.h"
#include "linear/grouped/grouped.h"
#include "linear/memory.h"

namespace {

struct Packing {
  const qw_affine* affine;
  qw_grouped* weight;
  std::vector<int32_t> columns;
  std::atomic<int64_t> bad_code{-1};   // row * cols + column
  std::atomic<int64_t> bad_param{-1};  // row * groups + group

  bool exact(float value) const {
    return std::isfinite(value) && qw_round_to_type(affine->scale_type, value) == value;
  }

  int code(int64_t row, int64_t column) const {
    const int64_t at = row * affine->cols + column;
    return affine->is_signed ? static_cast<const int8_t*>(affine->codes)[at] : static_cast<const uint8_t*>(affine->codes)[at];
  }

  void pack_params(int64_t tile) {
    const int64_t size = qw_type_bytes(weight->scale_type);
    char* params = static_cast<char*>(weight->params) + tile * weight->groups * 2 * QW_TILE_ROWS * size;
    for (int64_t group = 0; group < weight->groups; ++group, params += 2 * QW_TILE_ROWS * size) {
      for (int r = 0; r < QW_TILE_ROWS; ++r) {
        const int64_t row = tile * QW_TILE_ROWS + r;
        float scale = 0, zero = 0;
        if (row < affine->rows) {
          scale = affine->scale[row * weight->groups + group];
          zero = affine->zero[row * weight->groups + group];
          if (!exact(scale) || !exact(zero)) bad_param.store(row * weight->groups + group, std::memory_order_relaxed);
        }
        qw_write_typed(weight->scale_type, params, r, scale);
        qw_write_typed(weight->scale_type, params, QW_TILE_ROWS + r, zero);
      }
    }
  }

  void pack_codes(int64_t tile) {
    const int offset = int(weight->offset), most = (1 << weight->bits) - 1, step = weight->step;
    for (int r = 0; r < QW_TILE_ROWS; ++r) {
      const int64_t row = tile * QW_TILE_ROWS + r;
      uint8_t* lane = weight->codes + tile * weight->blocks * QW_BLOCK_BYTES + r * 4;
      for (int64_t block = 0; block < weight->blocks; ++block, lane += QW_BLOCK_BYTES) {
        uint32_t word = 0;
        for (int j = 0; j < step && row < affine->rows; ++j) {
          const int32_t column = columns[size_t(block * step + j)];
          if (column < 0) continue;
          const int stored = code(row, column) + offset;
          if (stored < 0 || stored > most) bad_code.store(row * affine->cols + column, std::memory_order_relaxed);
          word |= uint32_t(stored & most) << (step == 4 ? 8 * j : j < 4 ? 8 * j : 8 * (j - 4) + 4);
        }
        const uint8_t bytes[4] = {uint8_t(word), uint8_t(word >> 8), uint8_t(word >> 16), uint8_t(word >> 24)};
        std::memcpy(lane, bytes, 4);
      }
    }
  }
};

void pack_tiles(void* context, int64_t begin, int64_t end, int) {
  Packing& packing = *static_cast<Packing*>(context);
  for (int64_t tile = begin; tile < end; ++tile) {
    packing.pack_params(tile);
    packing.pack_codes(tile);
  }
}

qw_status check(const qw_affine& affine, const char* name) {
  if (affine.rows < 1 || affine.cols < 1 || affine.cols > INT32_MAX) {
    return qw_error(QW_INVALID_ARGUMENT, "%s weight of %lld x %lld: rows and columns must be at least 1 (and columns below 2^31)", name,
                    (long long)affine.rows, (long long)affine.cols);
  }
  if (affine.group_size < 1 || affine.group_size > affine.cols) {
    return qw_error(QW_INVALID_ARGUMENT, "%s weight of %lld x %lld: group_size %lld must lie between 1 and the number of columns", name,
                    (long long)affine.rows, (long long)affine.cols, (long long)affine.group_size);
  }
  const int64_t groups = (affine.cols + affine.group_size - 1) / affine.group_size;
  for (int64_t column = 0; affine.g_idx != nullptr && column < affine.cols; ++column) {
    if (affine.g_idx[column] < 0 || affine.g_idx[column] >= groups) {
      return qw_error(QW_INVALID_ARGUMENT, "%s weight: g_idx[%lld] = %d, but there are %lld groups", name, (long long)column,
                      affine.g_idx[column], (long long)groups);
    }
  }
  return qw_ok();
}

// Fills group_begin and the packed column order; `columns` stays NULL in the weight when it is the identity.
void order_columns(const qw_affine& affine, qw_grouped* weight, std::vector<int32_t>& columns) {
  std::vector<std::vector<int32_t>> members;
  if (affine.g_idx != nullptr) {
    members.resize(size_t(weight->groups));
    for (int64_t column = 0; column < affine.cols; ++column) members[size_t(affine.g_idx[column])].push_back(int32_t(column));
  }
  int64_t block = 0;
  for (int64_t group = 0; group < weight->groups; ++group) {
    weight->group_begin[group] = block;
    if (affine.g_idx != nullptr) {
      columns.insert(columns.end(), members[size_t(group)].begin(), members[size_t(group)].end());
    } else {
      const int64_t end = std::min(affine.cols, (group + 1) * affine.group_size);
      for (int64_t column = group * affine.group_size; column < end; ++column) columns.push_back(int32_t(column));
    }
    while (columns.size() % size_t(weight->step) != 0) columns.push_back(-1);
    const int64_t end = int64_t(columns.size()) / weight->step;
    weight->longest_group = std::max(weight->longest_group, (end - block) * weight->step);
    block = end;
  }
  weight->group_begin[weight->groups] = weight->blocks = block;
  weight->depth = block * weight->step;
}

}  // namespace

qw_status qw_grouped_pack(const qw_codec* codec, int bits, const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  const qw_status checked = check(*affine, codec->name);
  if (checked.code != QW_OK) return checked;
  qw_grouped* weight = new (std::nothrow) qw_grouped{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight", codec->name);
  weight->base = {codec, affine->rows, affine->cols, 0};
  weight->bits = bits;
  weight->step = bits == 8 ? 4 : 8;
  weight->offset = affine->is_signed ? float(1 << (bits - 1)) : 0.0f;
  weight->tiles = (affine->rows + QW_TILE_ROWS - 1) / QW_TILE_ROWS;
  weight->groups = (affine->cols + affine->group_size - 1) / affine->group_size;
  weight->scale_type = affine->scale_type;
  Packing packing;
  packing.affine = affine;
  packing.weight = weight;
  qw_status status = qw_ok();
  try {
    weight->group_begin = new int64_t[size_t(weight->groups) + 1];
    order_columns(*affine, weight, packing.columns);
    bool identity = weight->depth == affine->cols;
    for (size_t i = 0; identity && i < packing.columns.size(); ++i) identity = packing.columns[i] == int32_t(i);
    if (!identity) {
      weight->columns = new int32_t[packing.columns.size()];
      std::copy(packing.columns.begin(), packing.columns.end(), weight->columns);
    }
  } catch (const std::bad_alloc&) {
    status = qw_error(QW_OUT_OF_MEMORY, "no memory for the column order of a %s weight", codec->name);
  }
  const size_t code_bytes = size_t(weight->tiles * weight->blocks) * QW_BLOCK_BYTES;
  const size_t param_bytes = size_t(weight->tiles * weight->groups * 2 * QW_TILE_ROWS * qw_type_bytes(weight->scale_type));
  if (status.code == QW_OK) {
    weight->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
    weight->params = qw_weight_memory(param_bytes);
    if (weight->codes == nullptr || weight->params == nullptr) {
      status = qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight of %lld x %lld (%zu bytes)", codec->name, (long long)affine->rows,
                        (long long)affine->cols, code_bytes + param_bytes);
    }
  }
  if (status.code == QW_OK) {
    weight->base.bytes = code_bytes + param_bytes + (weight->columns != nullptr ? size_t(weight->depth) * sizeof(int32_t) : 0);
    qw_parallel_for(pool, weight->tiles, std::max<int64_t>(1, 65536 / (weight->depth + 1)), pack_tiles, &packing);
    if (const int64_t at = packing.bad_code.load(); at >= 0) {
      status = qw_error(QW_INVALID_ARGUMENT, "%s weight: code %d at row %lld, column %lld does not fit %s %d bits", codec->name,
                        packing.code(at / affine->cols, at % affine->cols), (long long)(at / affine->cols), (long long)(at % affine->cols),
                        affine->is_signed ? "signed" : "unsigned", bits);
    } else if (const int64_t bad = packing.bad_param.load(); bad >= 0) {
      static const char* const names[] = {"f32", "f16", "bf16"};
      status = qw_error(QW_INVALID_ARGUMENT, "%s weight: scale %.9g or zero %.9g of row %lld, group %lld is not exact in %s", codec->name,
                        affine->scale[bad], affine->zero[bad], (long long)(bad / weight->groups), (long long)(bad % weight->groups),
                        names[affine->scale_type]);
    }
  }
  if (status.code != QW_OK) {
    qw_grouped_destroy(&weight->base);
    return status;
  }
  *out = &weight->base;
  return status;
}

void qw_grouped_destroy(qw_weight* base) {
  qw_grouped* weight = reinterpret_cast<qw_grouped*>(base);
  qw_weight_memory_free(weight->codes);
  qw_weight_memory_free(weight->params);
  delete[] weight->group_begin;
  delete[] weight->columns;
  delete weight;
}
