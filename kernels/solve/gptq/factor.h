// Layout of a factor U [width, width], upper triangular, as it is multiplied with: blocks of 128 rows one after the other; in a block, panels of 32
// columns from the block's first column on; in a panel, [row of the block][32], with zeros left of the diagonal and beyond the width.
//
//   block 0: |####|####|####|##..|     each #### one panel of 128 x 32
//   block 1:      |####|####|##..|     (drawn with one panel a block; there are four)
#pragma once
#include <stdint.h>

namespace qw {

constexpr int64_t kGptqBlock = 128;
constexpr int64_t kGptqPanel = 32;

inline int64_t gptq_panels(int64_t columns) { return (columns + kGptqPanel - 1) / kGptqPanel; }
inline int64_t gptq_block_rows(int64_t width, int64_t first) { return width - first < kGptqBlock ? width - first : kGptqBlock; }

// Where the block that begins at row `first` (a multiple of 128) begins.
inline int64_t gptq_block_offset(int64_t width, int64_t first) {
  const int64_t before = first / kGptqBlock;
  // sum over b < before of panels(width) - 4 b
  return kGptqBlock * kGptqPanel * (before * gptq_panels(width) - kGptqBlock / kGptqPanel * (before * (before - 1) / 2));
}

}  // namespace qw
