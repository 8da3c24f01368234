// Cost: width^3 / 3 multiply-adds, half of them for R and half for U, in gram_strided of kernels/observe; blocks of 128 on the diagonal are done in f64,
// serially. Every block is written once: its sums run over all columns (or rows) that are done, 128 at a time.
#include "solve/gptq/triangle_factor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/parallel.h"
#include "cpu/pick.h"

namespace {

using qw::kTriangleBlock;
using qw::kTrianglePanel;

// Upper R of a diagonal block with A = R R^T, in place, from the last column on; a[column * 128 + row]. False when A is not positive definite.
bool factor_block(double* a, int64_t n) {
  for (int64_t j = n - 1; j >= 0; --j) {
    double* column = a + j * kTriangleBlock;
    if (!(column[j] > 0) || !std::isfinite(column[j])) return false;
    const double root = std::sqrt(column[j]);
    column[j] = root;
    for (int64_t i = 0; i < j; ++i) column[i] /= root;
    for (int64_t k = 0; k < j; ++k) {
      const double by = column[k];
      double* other = a + k * kTriangleBlock;
      for (int64_t i = 0; i <= k; ++i) other[i] -= by * column[i];
    }
  }
  return true;
}

// m = inverse(r), both upper, [column][row].
void invert_block(const double* r, int64_t n, double* m) {
  std::fill(m, m + kTriangleBlock * kTriangleBlock, 0.0);
  for (int64_t j = 0; j < n; ++j) {
    double* column = m + j * kTriangleBlock;
    for (int64_t k = 0; k < j; ++k) {
      const double by = r[j * kTriangleBlock + k];
      const double* other = m + k * kTriangleBlock;
      for (int64_t i = 0; i <= k; ++i) column[i] -= by * other[i];
    }
    const double pivot = 1.0 / r[j * kTriangleBlock + j];
    for (int64_t i = 0; i < j; ++i) column[i] *= pivot;
    column[j] = pivot;
  }
}

}  // namespace

qw::TriangleFactor::TriangleFactor(float* triangle, int64_t width, qw_pool* pool)
    : triangle_(triangle),
      width_(width),
      blocks_((width + kTriangleBlock - 1) / kTriangleBlock),
      pool_(pool),
      gram_(QW_PICK(qw::gram_strided)),
      left_(size_t(width * kTriangleBlock + kTriangleSlack)),
      inverses_(size_t(blocks_ * kTriangleBlock * kTriangleBlock)) {}

void qw::TriangleFactor::copy_left(int64_t b, int64_t from, float factor) {
  const int64_t count = rows(b);
  const float* source = block(b) + (from - b * kTriangleBlock) * count;
  qw::parallel(pool_, width_ - from, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin * count; i < end * count; ++i) left_[size_t(i)] = factor * source[i];
  });
}

void qw::TriangleFactor::add_products(int64_t p, int64_t b) {
  const int64_t own = p * kTrianglePanel / kTriangleBlock, stride = rows(own), row = p * kTrianglePanel - own * kTriangleBlock;
  const int64_t height = std::min(kTrianglePanel, stride - row), count = rows(b), behind = (b - own) * kTriangleBlock + count;
  float* first = block(own) + row;
  for (int64_t k = 0; k < columns(b) - count; k += kTriangleBlock) {
    const int64_t part = std::min(kTriangleBlock, columns(b) - count - k);
    gram_(&left_[size_t(k * count)], count, first + (behind + k) * stride, stride, part, count, height, first + (b - own) * kTriangleBlock * stride, stride);
  }
}

void qw::TriangleFactor::multiply(int64_t p, int64_t b, const float* by) {
  const int64_t own = p * kTrianglePanel / kTriangleBlock, stride = rows(own), row = p * kTrianglePanel - own * kTriangleBlock;
  const int64_t height = std::min(kTrianglePanel, stride - row), count = rows(b);
  float* at = block(own) + row + (b - own) * kTriangleBlock * stride;
  float copy[kTriangleBlock * kTrianglePanel] = {};
  for (int64_t c = 0; c < count; ++c) {
    std::memcpy(copy + c * kTrianglePanel, at + c * stride, size_t(height) * sizeof(float));
    std::memset(at + c * stride, 0, size_t(height) * sizeof(float));
  }
  gram_(by, kTriangleBlock, copy, kTrianglePanel, count, count, height, at, stride);
}

// The diagonal block, whose sums are done, becomes R; its inverse is kept.
bool qw::TriangleFactor::factor_diagonal(int64_t b) {
  const int64_t count = rows(b);
  float* own = block(b);
  std::vector<double> a(size_t(kTriangleBlock * kTriangleBlock)), m(a.size());
  for (int64_t c = 0; c < count; ++c) {
    for (int64_t r = 0; r <= c; ++r) a[size_t(c * kTriangleBlock + r)] = double(own[c * count + r]);
  }
  if (!factor_block(a.data(), count)) return false;
  invert_block(a.data(), count, m.data());
  for (int64_t c = 0; c < count; ++c) {
    for (int64_t r = 0; r < count; ++r) own[c * count + r] = r <= c ? float(a[size_t(c * kTriangleBlock + r)]) : 0.0f;
  }
  float* kept = inverse(b);
  for (int64_t c = 0; c < kTriangleBlock; ++c) {
    for (int64_t r = 0; r < kTriangleBlock; ++r) kept[c * kTriangleBlock + r] = float(m[size_t(c * kTriangleBlock + r)]);
  }
  return true;
}

bool qw::TriangleFactor::cholesky() {
  std::vector<float> diagonal(size_t(kTriangleBlock * kTriangleBlock));
  for (int64_t b = blocks_ - 1; b >= 0; --b) {
    const int64_t count = rows(b), first = b * kTriangleBlock, own = first / kTrianglePanel, panels = triangle_panels(count);
    std::memcpy(diagonal.data(), block(b), size_t(count * count) * sizeof(float));
    copy_left(b, first + count, -1.0f);
    qw::parallel(pool_, panels, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t p = begin; p < end; ++p) add_products(own + p, b);
    });
    if (!factor_diagonal(b)) {
      std::memcpy(block(b), diagonal.data(), size_t(count * count) * sizeof(float));
      restore(b);
      return false;
    }
    // S inverse(R)^T
    qw::parallel(pool_, own, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t p = begin; p < end; ++p) {
        add_products(p, b);
        multiply(p, b, inverse(b));
      }
    });
  }
  return true;
}

// H = R R^T for the columns behind block `failed`, from the first of them on: those behind them are still R.
void qw::TriangleFactor::restore(int64_t failed) {
  std::vector<float> by(size_t(kTriangleBlock * kTriangleBlock));
  for (int64_t b = failed + 1; b < blocks_; ++b) {
    const int64_t count = rows(b), first = b * kTriangleBlock, own = first / kTrianglePanel;
    const float* diagonal = block(b);
    for (int64_t c = 0; c < count; ++c) {
      for (int64_t r = 0; r < count; ++r) by[size_t(c * kTriangleBlock + r)] = diagonal[c * count + r];
    }
    copy_left(b, first + count, 1.0f);
    qw::parallel(pool_, own + triangle_panels(count), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t p = begin; p < end; ++p) {
        multiply(p, b, by.data());
        add_products(p, b);
      }
    });
  }
}

// Columns [32 panel, 32 panel + 32) of block row b, whose own R lies in left_.
void qw::TriangleFactor::invert_panel(int64_t b, int64_t panel) {
  const int64_t count = rows(b), column = panel * kTrianglePanel, last = column / kTriangleBlock;
  float sums[kTriangleBlock * kTrianglePanel] = {};
  for (int64_t k = b + 1; k <= last; ++k) {
    const int64_t part = rows(k);
    const float* other = block(k) + (column - k * kTriangleBlock) * part;  // 32 columns by row
    gram_(&left_[size_t((k - b) * kTriangleBlock - count) * size_t(count)], count, other, kTrianglePanel, part, count, kTrianglePanel, sums, kTrianglePanel);
  }
  float* out = block(b) + (column - b * kTriangleBlock) * count;
  std::memset(out, 0, size_t(count * kTrianglePanel) * sizeof(float));
  // -inverse(R_bb) sums: row k of the first operand is column k of the inverse.
  for (float& sum : sums) sum = -sum;
  gram_(inverse(b), kTriangleBlock, sums, kTrianglePanel, count, count, kTrianglePanel, out, kTrianglePanel);
}

void qw::TriangleFactor::invert() {
  for (int64_t b = blocks_ - 1; b >= 0; --b) {
    const int64_t count = rows(b), first = b * kTriangleBlock, own = triangle_panels(count), behind = triangle_panels(columns(b)) - own;
    copy_left(b, first + count, 1.0f);
    // The longest sums first, so that the last ones claimed are short.
    qw::parallel(pool_, std::max<int64_t>(behind, 0), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) invert_panel(b, first / kTrianglePanel + own + behind - 1 - i);
    });
    const float* kept = inverse(b);
    float* panel = block(b);
    for (int64_t p = 0; p < own; ++p, panel += count * kTrianglePanel) {
      for (int64_t r = 0; r < count; ++r) {
        for (int64_t c = 0; c < kTrianglePanel; ++c) {
          const int64_t column = p * kTrianglePanel + c;
          panel[r * kTrianglePanel + c] = column < count ? kept[column * kTriangleBlock + r] : 0.0f;
        }
      }
    }
  }
}
