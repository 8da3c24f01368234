// HQQ's words: the flat matrix in equal planes of codes, one field of every word each, the first plane in the highest bits.
// Source of the arrangement: mobiusml/hqq hqq/core/bitpack.py :: BitPack.
#include <algorithm>
#include <cstring>

#include "pack/pack.h"

namespace {

template <typename Word>
void unpack(const uint8_t* words, int shift, uint32_t mask, int64_t count, uint8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, words + i * int64_t(sizeof word), sizeof word);
    codes[i] = uint8_t(uint32_t(word) >> shift & mask);
  }
}

}  // namespace

int64_t qw_plane_codes(int64_t rows, int64_t cols, int64_t group_size, int bits) {
  const int64_t lines = rows * cols / group_size, fields = qw_plane_fields(bits);
  return (lines + fields - 1) / fields * group_size;
}

void qw_unpack_planes_band(const void* words, int64_t cols, int64_t plane, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  const uint8_t* bytes = static_cast<const uint8_t*>(words);
  const int64_t fields = qw_plane_fields(bits);
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t column = 0; column < cols;) {
      const int64_t flat = (row + r) * cols + column, at = flat % plane, length = std::min(cols - column, plane - at);
      const int shift = int(fields - 1 - flat / plane) * bits;
      if (bits == 3) unpack<uint32_t>(bytes + at * 4, shift, 7, length, codes + r * ld + column);
      else unpack<uint8_t>(bytes + at, shift, (1u << bits) - 1, length, codes + r * ld + column);
      column += length;
    }
  }
}
