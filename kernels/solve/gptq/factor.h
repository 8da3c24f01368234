// Layout of a factor U [width, width], upper triangular, as it is multiplied with: blocks of 128 rows one after the other; in a block, panels of 32
// columns from the block's first column on; in a panel, [row of the block][32], with zeros left of the diagonal and beyond the width.
//
//   block 0: |####|####|####|##..|     each #### one panel of 128 x 32
//   block 1:      |####|####|##..|     (drawn with one panel a block; there are four)
//
// The blocks are those of the Hessian that it is made of (observe/triangle.h), by row in place of by column: a factor takes the Hessian's place.
#pragma once
#include "observe/triangle.h"

namespace qw {

constexpr int64_t kGptqBlock = kTriangleBlock;
constexpr int64_t kGptqPanel = kTrianglePanel;

inline int64_t gptq_panels(int64_t columns) { return triangle_panels(columns); }
inline int64_t gptq_block_rows(int64_t width, int64_t first) { return triangle_block_rows(width, first); }
inline int64_t gptq_block_offset(int64_t width, int64_t first) { return triangle_offset(width, first); }

}  // namespace qw
