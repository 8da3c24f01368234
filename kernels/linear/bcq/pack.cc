// Checks a BCQ weight as it is stored and lays it out (codec.h).
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "linear/bcq/codec.h"
#include "linear/memory.h"

namespace {

struct Packing {
  const qw_bcq_stored* from;
  qw_bcq_weight* weight;
  std::atomic<int64_t> not_finite{-1};  // row * groups + group

  uint32_t stored_word(int64_t word, int bit, int64_t row) const {
    uint32_t value;
    std::memcpy(&value, static_cast<const char*>(from->planes) + ((word * from->bits + bit) * from->rows + row) * 4, 4);
    return value;
  }

  uint32_t gathered_word(int64_t word, int bit, int64_t row) const {
    uint32_t value = 0;
    for (int k = 0; k < QW_BCQ_WORD; ++k) {
      const int32_t column = weight->columns[word * QW_BCQ_WORD + k];
      if (column >= 0) value |= (stored_word(column / 32, bit, row) >> (column % 32) & 1u) << k;
    }
    return value;
  }

  void pack_planes(int64_t tile) const {
    uint32_t* to = weight->planes + tile * weight->words * weight->bits * QW_BCQ_TILE;
    for (int64_t word = 0; word < weight->words; ++word) {
      for (int bit = 0; bit < weight->bits; ++bit) {
        for (int64_t r = 0; r < QW_BCQ_TILE; ++r) {
          const int64_t row = tile * QW_BCQ_TILE + r;
          *to++ = row >= from->rows ? 0 : weight->columns == nullptr ? stored_word(word, bit, row) : gathered_word(word, bit, row);
        }
      }
    }
  }

  // Values [groups][each][rows] of `type` as [group][kept][16] of the tile.
  void pack_params(int64_t tile, const void* values, qw_type type, int64_t each, int64_t kept, uint8_t* to) {
    const int64_t size = qw_type_bytes(type);
    for (int64_t group = 0; group < weight->groups; ++group) {
      for (int64_t i = 0; i < each; ++i) {
        for (int64_t r = 0; r < QW_BCQ_TILE; ++r) {
          const int64_t row = tile * QW_BCQ_TILE + r;
          if (row >= from->rows) continue;  // zeros already
          const int64_t at = (group * each + i) * from->rows + row;
          if (!std::isfinite(qw_read_typed(type, values, at))) not_finite.store(row * weight->groups + group, std::memory_order_relaxed);
          if (i >= kept) continue;
          std::memcpy(to + (((tile * weight->groups + group) * kept + i) * QW_BCQ_TILE + r) * size, static_cast<const char*>(values) + at * size, size_t(size));
        }
      }
    }
  }
};

void pack_tiles(void* context, int64_t begin, int64_t end, int) {
  Packing& packing = *static_cast<Packing*>(context);
  const qw_bcq_stored& from = *packing.from;
  qw_bcq_weight* weight = packing.weight;
  for (int64_t tile = begin; tile < end; ++tile) {
    packing.pack_planes(tile);
    packing.pack_params(tile, from.alpha, from.alpha_type, from.bits, qw_bcq_alphas(weight), weight->alpha);
    if (from.q_bias != nullptr) packing.pack_params(tile, from.q_bias, from.bias_type, 1, 1, weight->q_bias);
  }
}

bool is_doubling(const qw_bcq_stored& from, int64_t groups) {
  for (int64_t group = 0; group < groups; ++group) {
    for (int bit = 1; bit < from.bits; ++bit) {
      const int64_t at = (group * from.bits + bit) * from.rows;
      for (int64_t row = 0; row < from.rows; ++row) {
        const float before = qw_read_typed(from.alpha_type, from.alpha, at - from.rows + row);
        if (qw_read_typed(from.alpha_type, from.alpha, at + row) != 2 * before) return false;
      }
    }
  }
  return from.bits > 1;
}

qw_status check(const qw_bcq_stored& from) {
  if (from.rows < 1 || from.cols < 1 || from.planes == nullptr || from.alpha == nullptr) {
    return qw_error(QW_INVALID_ARGUMENT, "bcq weight of %lld x %lld: needs planes, alphas, and rows and columns of at least 1", (long long)from.rows, (long long)from.cols);
  }
  if (from.bits < 1 || from.bits > QW_BCQ_BITS) return qw_error(QW_UNSUPPORTED, "bcq weight: %d bits; 1, 2, 3 and 4 are supported", from.bits);
  if (from.group_size < 1 || from.group_size > from.cols) {
    return qw_error(QW_INVALID_ARGUMENT, "bcq weight: group_size %lld is not in 1..%lld", (long long)from.group_size, (long long)from.cols);
  }
  for (const qw_type type : {from.alpha_type, from.bias_type}) {
    if (type < QW_F32 || type > QW_BF16) return qw_error(QW_INVALID_ARGUMENT, "bcq weight: unknown type %d of its alphas or q_bias", int(type));
  }
  const int64_t groups = (from.cols + from.group_size - 1) / from.group_size;
  for (int64_t k = 0; from.g_idx != nullptr && k < from.cols; ++k) {
    if (from.g_idx[k] < 0 || from.g_idx[k] >= groups) {
      return qw_error(QW_INVALID_ARGUMENT, "bcq weight: g_idx of column %lld is %d; there are %lld groups", (long long)k, from.g_idx[k], (long long)groups);
    }
  }
  return qw_ok();
}

// Where groups begin, and which column lies where: empty when all lie in order.
struct Order {
  std::vector<int64_t> begin;
  std::vector<int32_t> columns;
};

Order order_of(const qw_bcq_stored& from, int64_t groups) {
  Order order;
  std::vector<std::vector<int32_t>> members(static_cast<size_t>(groups));
  for (int64_t k = 0; k < from.cols; ++k) members[size_t(from.g_idx == nullptr ? k / from.group_size : from.g_idx[k])].push_back(int32_t(k));
  order.begin.push_back(0);
  for (const std::vector<int32_t>& group : members) {
    order.columns.insert(order.columns.end(), group.begin(), group.end());
    order.columns.resize((order.columns.size() + QW_BCQ_WORD - 1) / QW_BCQ_WORD * QW_BCQ_WORD, -1);
    order.begin.push_back(int64_t(order.columns.size()) / QW_BCQ_WORD);
  }
  bool in_order = int64_t(order.columns.size()) == from.cols;
  for (size_t k = 0; in_order && k < order.columns.size(); ++k) in_order = order.columns[k] == int32_t(k);
  if (in_order) order.columns.clear();
  return order;
}

template <typename Item>
Item* copy_of(const std::vector<Item>& items) {
  Item* copy = static_cast<Item*>(qw_weight_memory(items.size() * sizeof(Item)));
  if (copy != nullptr) std::memcpy(copy, items.data(), items.size() * sizeof(Item));
  return copy;
}

}  // namespace

qw_status qw_weight_bcq(const qw_bcq_stored* from, qw_pool* pool, qw_weight** out) try {
  *out = nullptr;
  const qw_status checked = check(*from);
  if (checked.code != QW_OK) return checked;
  const int64_t groups = (from->cols + from->group_size - 1) / from->group_size;
  const Order order = order_of(*from, groups);
  qw_bcq_weight* weight = new (std::nothrow) qw_bcq_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a bcq weight");
  weight->bits = from->bits;
  weight->doubling = is_doubling(*from, groups);
  weight->tiles = (from->rows + QW_BCQ_TILE - 1) / QW_BCQ_TILE;
  weight->groups = groups;
  weight->words = order.begin.back();
  weight->alpha_type = from->alpha_type;
  weight->bias_type = from->q_bias == nullptr ? QW_F32 : from->bias_type;
  const size_t bias_bytes = from->q_bias == nullptr ? 0 : qw_bcq_bias_bytes(weight);
  const size_t bytes = qw_bcq_plane_bytes(weight) + qw_bcq_alpha_bytes(weight) + bias_bytes + order.columns.size() * sizeof(int32_t);
  weight->base = {&qw_codec_bcq, from->rows, from->cols, bytes, 0};
  weight->planes = static_cast<uint32_t*>(qw_weight_memory(qw_bcq_plane_bytes(weight)));
  weight->alpha = static_cast<uint8_t*>(qw_weight_memory(qw_bcq_alpha_bytes(weight)));
  if (from->q_bias != nullptr) weight->q_bias = static_cast<uint8_t*>(qw_weight_memory(bias_bytes));
  weight->group_begin = copy_of(order.begin);
  if (!order.columns.empty()) weight->columns = copy_of(order.columns);
  if (weight->planes == nullptr || weight->alpha == nullptr || weight->group_begin == nullptr || (from->q_bias != nullptr && weight->q_bias == nullptr) ||
      (!order.columns.empty() && weight->columns == nullptr)) {
    qw_codec_bcq.destroy(&weight->base);
    return qw_error(QW_OUT_OF_MEMORY, "no memory for a bcq weight of %lld x %lld (%zu bytes)", (long long)from->rows, (long long)from->cols, bytes);
  }
  std::memset(weight->alpha, 0, qw_bcq_alpha_bytes(weight));
  if (weight->q_bias != nullptr) std::memset(weight->q_bias, 0, bias_bytes);
  Packing packing{from, weight, {-1}};
  qw_parallel_for(pool, weight->tiles, 1, pack_tiles, &packing);
  const int64_t bad = packing.not_finite.load();
  if (bad >= 0) {
    qw_codec_bcq.destroy(&weight->base);
    return qw_error(QW_INVALID_ARGUMENT, "bcq weight: alpha or q_bias of row %lld, group %lld is not finite", (long long)(bad / groups), (long long)(bad % groups));
  }
  *out = &weight->base;
  return qw_ok();
} catch (const std::bad_alloc&) {
  return qw_error(QW_OUT_OF_MEMORY, "no memory for the order of %lld columns of a bcq weight", (long long)from->cols);
}
