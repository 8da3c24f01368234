// H -> U with inverse(H) = U^T U, in the triangle where H lies.
#pragma once
#include <vector>

#include "abi/pool.h"
#include "observe/observe.h"
#include "observe/triangle.h"

namespace qw {

// H = R R^T with R upper triangular, found from the last block of columns to the first; U = inverse(R), found from the last block of rows to the first.
//
//   H (by column)  --cholesky-->  R (by column)  --invert-->  U (by row, as solve/gptq/factor.h)
//
// Needs 128 columns of the matrix twice beside it.
class TriangleFactor {
 public:
  // Throws std::bad_alloc.
  TriangleFactor(float* triangle, int64_t width, qw_pool* pool);

  // False when H is not positive definite; H is then what it was, but for rounding.
  bool cholesky();
  void invert();

 private:
  float* block(int64_t b) const { return triangle_ + triangle_offset(width_, b * kTriangleBlock); }
  int64_t rows(int64_t b) const { return triangle_block_rows(width_, b * kTriangleBlock); }
  int64_t columns(int64_t b) const { return width_ - b * kTriangleBlock; }
  float* inverse(int64_t b) { return &inverses_[size_t(b * kTriangleBlock * kTriangleBlock)]; }

  // left_ = factor * columns [from, width) of block row b.
  void copy_left(int64_t b, int64_t from, float factor);
  // Rows [32 p, 32 p + 32) of the matrix, columns of block b: += their columns behind b times left_.
  void add_products(int64_t p, int64_t b);
  // The same rows and columns become themselves times `by` [128][128].
  void multiply(int64_t p, int64_t b, const float* by);
  bool factor_diagonal(int64_t b);
  void restore(int64_t failed);
  void invert_panel(int64_t b, int64_t panel);

  float* triangle_;
  int64_t width_, blocks_;
  qw_pool* pool_;
  GramStrided* gram_;
  std::vector<float> left_;      // [columns][rows of a block]
  std::vector<float> inverses_;  // of the diagonal blocks of R, transposed: [column][row], 128 apart
};

}  // namespace qw
