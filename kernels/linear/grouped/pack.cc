// Checks an affine weight and lays it out (grouped.h).
#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <vector>

#include "linear/gguf/blocks.h"
#include "linear/grouped/lines.h"
#include "linear/grouped/params.h"
#include "linear/grouped/zeros.h"
#include "linear/memory.h"
#include "linear/stored.h"
#include "pack/words.h"

namespace {

struct Packing {
  const qw_affine* affine;
  qw_grouped* weight;
  std::vector<int32_t> columns;
  std::vector<std::vector<uint8_t>> scratch;  // of every thread
  int offset;                                 // byte of a band -> stored code
  std::atomic<int64_t> bad_band{-1};
  std::atomic<int64_t> bad_param{-1};  // row * groups + group
  std::atomic<bool> no_memory{false};

  int stored(const qw_band& band, int64_t r, int64_t column) const { return uint8_t(band.codes[r * band.ld + column] + offset); }

  // Group by group, so that parameters stored that way are read as they lie.
  void pack_params(int64_t tile, int64_t end) {
    if (affine->codes.layout == QW_CODES_GGUF) {
      for (int64_t t = tile; t < end; ++t) {
        const int64_t row = qw_gguf_pack_params(affine, t * QW_TILE_ROWS, weight->params + t * qw_params_tile_bytes(weight));
        if (row >= 0) bad_param.store(row * weight->groups, std::memory_order_relaxed);
      }
      return;
    }
    const int64_t line = QW_TILE_ROWS * qw_type_bytes(weight->scale_type), groups = weight->groups;
    uint8_t typed_zeros[QW_TILE_ROWS * sizeof(float)];
    for (int64_t group = 0; group < groups; ++group) {
      for (int64_t t = tile; t < end; ++t) {
        uint8_t* params = weight->params + (t * groups + group) * weight->param_bytes;
        uint8_t* zeros = weight->zero_form == QW_ZERO_TYPED ? params + line : typed_zeros;
        int64_t bad = qw_read_params(affine, &affine->scale, groups, t * QW_TILE_ROWS, group, params);
        if (weight->zero_form != QW_ZERO_SHARED && bad < 0) bad = qw_read_params(affine, &affine->zero, groups, t * QW_TILE_ROWS, group, zeros);
        if (bad >= 0) bad_param.store(bad * groups + group, std::memory_order_relaxed);
        if (weight->zero_form != QW_ZERO_BYTES) continue;
        for (int r = 0; r < QW_TILE_ROWS; ++r) params[line + r] = uint8_t(qw_read_typed(weight->scale_type, zeros, r) + weight->offset);
      }
    }
  }

  // GPTQ words of 4 or 8 bits whose columns stay in order need no unpacking.
  bool words_are_lanes() const {
    return affine->codes.layout == QW_CODES_GPTQ && affine->codes.bits == weight->bits && (weight->bits == 4 || weight->bits == 8) &&
           weight->columns == nullptr && qw_is_little_endian();
  }

  void pack_words(int64_t tile, int64_t end) {
    const int64_t row = tile * QW_TILE_ROWS, count = std::min(affine->rows, end * QW_TILE_ROWS) - row;
    const uint8_t* words = static_cast<const uint8_t*>(affine->codes.data) + row * 4;
    uint8_t* to = weight->codes + tile * weight->tile_bytes;
    weight->bits == 8 ? qw_pack_words<4>(words, affine->rows, count, weight->blocks, to, weight->tile_bytes)
                      : qw_pack_words<8>(words, affine->rows, count, weight->blocks, to, weight->tile_bytes);
  }

  bool pack_codes(const qw_band& band, int64_t tile) const {
    const int64_t first = tile * QW_TILE_ROWS - band.row, count = std::min<int64_t>(QW_TILE_ROWS, band.count - first);
    return qw_pack_tile_of(weight->bits, band.codes + first * band.ld, band.ld, count, weight->blocks, weight->columns, uint8_t(offset),
                           weight->codes + tile * weight->tile_bytes);
  }

  // The first code of a band that does not fit.
  qw_status refuse_code(int64_t bad, const char* name) {
    const qw_band band = qw_read_band(affine, bad, scratch[0]);
    for (int64_t at = 0; at < band.count * affine->cols; ++at) {
      const int64_t r = at / affine->cols, column = at % affine->cols;
      if (stored(band, r, column) >> weight->bits == 0) continue;
      const uint8_t byte = band.codes[r * band.ld + column];
      const bool is_signed = affine->codes.is_signed != 0;
      const int signed_code = affine->codes.layout == QW_CODES_BYTES ? int8_t(byte) : byte - (1 << (affine->codes.bits - 1));
      const int shown = is_signed ? signed_code : byte;
      return qw_error(QW_INVALID_ARGUMENT, "%s weight: code %d at row %lld, column %lld does not fit %s %d bits", name, shown,
                      (long long)(band.row + r), (long long)column, is_signed ? "signed" : "unsigned", weight->bits);
    }
    return qw_error(QW_INVALID_ARGUMENT, "%s weight: codes from row %lld on changed while they were packed", name, (long long)band.row);
  }
};

void pack_bands(void* context, int64_t begin, int64_t end, int thread) {
  Packing& packing = *static_cast<Packing*>(context);
  constexpr int64_t tiles = QW_BAND_ROWS / QW_TILE_ROWS;
  if (packing.words_are_lanes()) {
    const int64_t last = std::min(packing.weight->tiles, end * tiles);
    packing.pack_params(begin * tiles, last);
    packing.pack_words(begin * tiles, last);
    return;
  }
  try {
    for (int64_t at = begin; at < end; ++at) {
      const qw_band band = qw_read_band(packing.affine, at, packing.scratch[size_t(thread)]);
      const int64_t last = std::min(packing.weight->tiles, (at + 1) * tiles);
      packing.pack_params(at * tiles, last);
      for (int64_t tile = at * tiles; tile < last; ++tile) {
        if (!packing.pack_codes(band, tile)) packing.bad_band.store(at, std::memory_order_relaxed);
      }
    }
  } catch (const std::bad_alloc&) {
    packing.no_memory = true;
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
  qw_status checked = check(*affine, codec->name);
  if (checked.code == QW_OK) checked = qw_check_stored(affine, codec->name);
  if (checked.code != QW_OK) return checked;
  qw_grouped* weight = new (std::nothrow) qw_grouped{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight", codec->name);
  weight->base = {codec, affine->rows, affine->cols, 0, 0};
  weight->bits = bits;
  weight->step = qw_grouped_step(bits);
  const qw_gguf_facts* gguf = affine->codes.layout == QW_CODES_GGUF ? qw_gguf_facts_of(qw_gguf_type(affine->codes.bits)) : nullptr;
  weight->offset = gguf != nullptr ? float(gguf->offset) : affine->codes.is_signed ? float(1 << (bits - 1)) : 0.0f;
  weight->form = gguf != nullptr ? gguf->form : QW_PARAMS_ZERO;
  weight->tiles = (affine->rows + QW_TILE_ROWS - 1) / QW_TILE_ROWS;
  weight->groups = (affine->cols + affine->group_size - 1) / affine->group_size;
  weight->scale_type = affine->scale_type;
  Packing packing;
  packing.affine = affine;
  packing.weight = weight;
  packing.offset = qw_stored_offset(affine, bits);
  qw_status status = qw_ok();
  try {
    packing.scratch.resize(size_t(qw_pool_threads(pool)));
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
  if (gguf == nullptr) {
    qw_choose_zero_form(*affine, weight, pool);
  } else {
    weight->zero_form = gguf->form == QW_PARAMS_ZERO ? QW_ZERO_SHARED : QW_ZERO_TYPED;  // a shared zero of 0
  }
  qw_grouped_measure(weight);
  const size_t code_bytes = qw_grouped_code_bytes(weight), param_bytes = qw_grouped_param_bytes(weight);
  if (status.code == QW_OK) {
    weight->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
    weight->params = static_cast<uint8_t*>(qw_weight_memory(param_bytes));
    if (weight->codes == nullptr || weight->params == nullptr) {
      status = qw_error(QW_OUT_OF_MEMORY, "no memory for a %s weight of %lld x %lld (%zu bytes)", codec->name, (long long)affine->rows,
                        (long long)affine->cols, code_bytes + param_bytes);
    }
  }
  if (status.code == QW_OK) {
    weight->base.bytes = code_bytes + param_bytes + (weight->columns != nullptr ? size_t(weight->depth) * sizeof(int32_t) : 0);
    // Wider stretches of a line of words, while every thread still gets several.
    const int64_t bands = qw_bands(affine), grain = packing.words_are_lanes() ? std::min<int64_t>(4, bands / (4 * qw_pool_threads(pool))) : 1;
    qw_parallel_for(pool, bands, std::max<int64_t>(1, grain), pack_bands, &packing);
    if (packing.no_memory) {
      status = qw_error(QW_OUT_OF_MEMORY, "no memory to unpack a %s weight", codec->name);
    } else if (const int64_t band = packing.bad_band.load(); band >= 0) {
      status = packing.refuse_code(band, codec->name);
    } else if (const int64_t bad = packing.bad_param.load(); bad >= 0 && gguf != nullptr) {
      status = qw_error(QW_INVALID_ARGUMENT, "%s weight: row %lld has a scale that is no finite number", gguf->name, (long long)(bad / weight->groups));
    } else if (bad >= 0) {
      status = qw_not_exact(affine, codec->name, weight->groups, bad / weight->groups, bad % weight->groups);
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
  if (!base->borrowed) {
    qw_weight_memory_free(weight->codes);
    qw_weight_memory_free(weight->params);
    delete[] weight->group_begin;
    delete[] weight->columns;
  }
  delete weight;
}
