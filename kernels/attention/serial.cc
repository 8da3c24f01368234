// The specification: one row at a time, the largest score first, then weights and their sum.
#include <cmath>

#include "attention/attention.h"
#include "cpu/half.h"

namespace {

float widen(float x) { return x; }
float widen(qw_half x) { return qw_half_to_float(x); }

template <typename Element>
float score(const qw::AttentionTile& tile, int64_t row, int64_t position) {
  const int64_t at = position - tile.base;
  const Element* key = static_cast<const Element*>(tile.keys) + at / kCacheBlock * kCacheBlock * tile.head_dim + at % kCacheBlock;
  double product = 0;
  for (int64_t d = 0; d < tile.head_dim; ++d) product += double(tile.q[row][d]) * double(widen(key[d * kCacheBlock]));
  const float scaled = float(product) * tile.scale;
  return tile.softcap > 0 ? tile.softcap * std::tanh(scaled / tile.softcap) : scaled;
}

// Calls visit(tile, j) for the positions j that the row sees, with their keys and values in the tile.
template <typename Visit>
void each_key(const qw::AttentionTile& tile, int64_t row, Visit&& visit) {
  const int64_t begin = tile.begin[row] > tile.span_begin ? tile.begin[row] : tile.span_begin;
  const int64_t end = tile.end[row] < tile.span_end ? tile.end[row] : tile.span_end;
  if (tile.store == nullptr) {
    for (int64_t j = begin; j < end; ++j) visit(tile, j);
    return;
  }
  for (int64_t first = begin / kCacheBlock * kCacheBlock; first < end; first += qw::kTileKeys) {
    const int64_t last = first + qw::kTileKeys < end ? first + qw::kTileKeys : end;
    const qw::AttentionTile block = qw::fetched(tile, first, last - first);
    for (int64_t j = first < begin ? begin : first; j < last; ++j) visit(block, j);
  }
}

template <typename Element>
void attend(const qw::AttentionTile& tile, int64_t row) {
  float maximum = -INFINITY;
  each_key(tile, row, [&](const qw::AttentionTile& block, int64_t j) { maximum = std::fmax(maximum, score<Element>(block, row, j)); });
  float* out = tile.out + row * tile.stride;
  for (int64_t d = 0; d < tile.stride; ++d) out[d] = 0;
  double total = 0;
  each_key(tile, row, [&](const qw::AttentionTile& block, int64_t j) {
    const float weight = std::exp(score<Element>(block, row, j) - maximum);
    const Element* value = static_cast<const Element*>(block.values) + (j - block.base) * tile.stride;
    total += double(weight);
    for (int64_t d = 0; d < tile.stride; ++d) out[d] += weight * widen(value[d]);
  });
  tile.maximum[row] = maximum;
  tile.total[row] = float(total);
}

}  // namespace

void qw::attention_serial(const AttentionTile& tile) {
  for (int64_t row = 0; row < tile.rows; ++row) {
    if (tile.type == QW_F16) {
      attend<qw_half>(tile, row);
    } else {
      attend<float>(tile, row);
    }
  }
}
