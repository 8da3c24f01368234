// A symmetric matrix [width, width] in the memory of its upper triangle, in blocks of 128 rows one after the other; what is made of it in place (solve/gptq)
// lies in the same blocks. A block of `rows` rows (the last one may have fewer than 128) holds its columns from its first row on, rounded up to 32:
//
//   element [i, j], i <= j, in the block that begins at row `first`:   (j - first) * rows + (i - first)        "by column"
//
//   block 0: |#########|
//   block 1:    |######|     what lies below the diagonal within a block, and behind the width, is not meant to be read
//   block 2:       |###|
#pragma once
#include <stdint.h>

namespace qw {

constexpr int64_t kTriangleBlock = 128;
constexpr int64_t kTrianglePanel = 32;

inline int64_t triangle_panels(int64_t columns) { return (columns + kTrianglePanel - 1) / kTrianglePanel; }
inline int64_t triangle_block_rows(int64_t width, int64_t first) { return width - first < kTriangleBlock ? width - first : kTriangleBlock; }

// Where the block that begins at row `first` (a multiple of 128) begins.
inline int64_t triangle_offset(int64_t width, int64_t first) {
  const int64_t before = first / kTriangleBlock;
  // sum over b < before of panels(width) - 4 b
  return kTriangleBlock * kTrianglePanel * (before * triangle_panels(width) - kTriangleBlock / kTrianglePanel * (before * (before - 1) / 2));
}

inline int64_t triangle_size(int64_t width) {
  const int64_t last = (width - 1) / kTriangleBlock * kTriangleBlock, rows = width - last;
  return triangle_offset(width, last) + rows * triangle_panels(rows) * kTrianglePanel;
}

// Kernels load whole vectors: so many elements more must be readable.
constexpr int64_t kTriangleSlack = 64;

// Of element [i, j] of a symmetric matrix, in either order.
inline int64_t symmetric_at(int64_t width, int64_t i, int64_t j) {
  if (i > j) {
    const int64_t other = i;
    i = j;
    j = other;
  }
  const int64_t first = i / kTriangleBlock * kTriangleBlock;
  return triangle_offset(width, first) + (j - first) * triangle_block_rows(width, first) + (i - first);
}

}  // namespace qw
