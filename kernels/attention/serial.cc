// The specification: one row at a time, the largest score first, then weights and their sum.
#include <cmath>

#include "attention/attention.h"
#include "cpu/half.h"

namespace {

float widen(float x) { return x; }
float widen(qw_half x) { return qw_half_to_float(x); }

template <typename Element>
float score(const qw::AttentionTile& tile, int64_t row, int64_t position) {
  const Element* key = static_cast<const Element*>(tile.keys) + position / kCacheBlock * kCacheBlock * tile.head_dim + position % kCacheBlock;
  double product = 0;
  for (int64_t d = 0; d < tile.head_dim; ++d) product += double(tile.q[row][d]) * double(widen(key[d * kCacheBlock]));
  const float scaled = float(product) * tile.scale;
  return tile.softcap > 0 ? tile.softcap * std::tanh(scaled / tile.softcap) : scaled;
}

template <typename Element>
void attend(const qw::AttentionTile& tile, int64_t row) {
  const int64_t begin = tile.begin[row] > tile.span_begin ? tile.begin[row] : tile.span_begin;
  const int64_t end = tile.end[row] < tile.span_end ? tile.end[row] : tile.span_end;
  float maximum = -INFINITY;
  for (int64_t j = begin; j < end; ++j) maximum = std::fmax(maximum, score<Element>(tile, row, j));
  float* out = tile.out + row * tile.stride;
  for (int64_t d = 0; d < tile.stride; ++d) out[d] = 0;
  double total = 0;
  for (int64_t j = begin; j < end; ++j) {
    const float weight = std::exp(score<Element>(tile, row, j) - maximum);
    const Element* value = static_cast<const Element*>(tile.values) + j * tile.stride;
    total += double(weight);
    for (int64_t d = 0; d < tile.stride; ++d) out[d] += weight * widen(value[d]);
  }
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
