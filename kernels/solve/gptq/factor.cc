// H (damped, ordered) -> U with inverse(H) = U^T U.
// The textbook way factors three times (Cholesky, inverse, Cholesky). Here H = T^T T with T lower triangular, found from the last row to the
// first, and U is the transpose of M = inverse(T): U^T U = M M^T = inverse(T) inverse(T)^T = inverse(T^T T). Half the work, and better conditioned.
//
// Cost: width^3 / 3 multiply-adds, half of them for T and half for M, in gram_block of kernels/observe on panels of 32 columns; blocks of 128 on the
// diagonal are done in f64, serially.
#include "solve/gptq/factor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "observe/observe.h"
#include "solve/gptq/gptq.h"

namespace {

using qw::kGptqBlock;
using qw::kGptqPanel;

constexpr int64_t kPanelFloats = kGptqBlock * kGptqPanel;

// Lower T of a diagonal block with A = T^T T, in place, from the last row up. False when A is not positive definite.
bool factor_diagonal(double* a, int64_t n) {
  for (int64_t i = n - 1; i >= 0; --i) {
    double* row = a + i * kGptqBlock;
    if (!(row[i] > 0) || !std::isfinite(row[i])) return false;
    const double root = std::sqrt(row[i]);
    row[i] = root;
    for (int64_t j = 0; j < i; ++j) row[j] /= root;
    for (int64_t r = 0; r < i; ++r) {
      const double by = row[r];
      double* other = a + r * kGptqBlock;
      for (int64_t j = 0; j <= r; ++j) other[j] -= by * row[j];
    }
  }
  return true;
}

// m = inverse(t), both lower, [n][128].
void invert_diagonal(const double* t, int64_t n, double* m) {
  std::fill(m, m + kGptqBlock * kGptqBlock, 0.0);
  for (int64_t i = 0; i < n; ++i) {
    double* row = m + i * kGptqBlock;
    for (int64_t k = 0; k < i; ++k) {
      const double by = t[i * kGptqBlock + k];
      const double* other = m + k * kGptqBlock;
      for (int64_t j = 0; j <= k; ++j) row[j] -= by * other[j];
    }
    const double pivot = 1.0 / t[i * kGptqBlock + i];
    for (int64_t j = 0; j < i; ++j) row[j] *= pivot;
    row[i] = pivot;
  }
}

class Factorization {
 public:
  Factorization(int64_t width, qw_pool* pool)
      : width_(width),
        blocks_((width + kGptqBlock - 1) / kGptqBlock),
        pool_(pool),
        gram_block_(QW_PICK(qw::gram_block)),
        a_(size_t(width * width)),
        inverses_(size_t(blocks_ * kGptqBlock * kGptqBlock)),
        left_(size_t(qw::gptq_panels(width) * kPanelFloats)),
        right_(left_.size()) {}

  float* row(int64_t i) { return a_.data() + i * width_; }

  // row(i)[0..i] = T. False when H is not positive definite.
  bool lower_factor() {
    std::vector<double> diagonal(size_t(kGptqBlock * kGptqBlock)), inverse(diagonal.size());
    for (int64_t b = blocks_ - 1; b >= 0; --b) {
      const int64_t first = b * kGptqBlock, rows = qw::gptq_block_rows(width_, first);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c <= r; ++c) diagonal[size_t(r * kGptqBlock + c)] = double(row(first + r)[first + c]);
      }
      if (!factor_diagonal(diagonal.data(), rows)) return false;
      invert_diagonal(diagonal.data(), rows, inverse.data());
      float* kept = inverse_of(b);
      for (size_t i = 0; i < inverse.size(); ++i) kept[i] = float(inverse[i]);
      // T[k, j] = M_kk^T H[k, j] for the columns before the block, and H[i, j] -= T[k, i] T[k, j] for all before it.
      std::vector<float> by(size_t(kPanelFloats * (kGptqBlock / kGptqPanel)));
      for (int64_t p = 0; p < qw::gptq_panels(rows); ++p) pack(kept, kGptqBlock, rows, p * kGptqPanel, rows, by.data() + p * kPanelFloats);
      qw::parallel(pool_, first / kGptqPanel, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t p = begin; p < end; ++p) {
          multiply_rows(by.data(), first, rows, p);
          for (int64_t i = 0; i < rows * kGptqPanel; ++i) left_[size_t(p * kPanelFloats + i)] = -right_[size_t(p * kPanelFloats + i)];
        }
      });
      for_long_rows(first / kGptqPanel, [&](int64_t p) {
        for (int64_t q = 0; q <= p; ++q) {
          gram_block_(&left_[size_t(p * kPanelFloats)], &right_[size_t(q * kPanelFloats)], rows, kGptqPanel, kGptqPanel,
                      row(p * kGptqPanel) + q * kGptqPanel, width_);
        }
      });
    }
    return true;
  }

  // row(i)[0..i] = M = inverse(T). What is below block row k is kept as the sums T[i, ..k] M[..k, j] until it is its turn.
  void invert() {
    for (int64_t b = 0; b < blocks_; ++b) {
      const int64_t first = b * kGptqBlock, rows = qw::gptq_block_rows(width_, first), next = first + rows;
      const float* inverse = inverse_of(b);
      std::vector<float> by(size_t(kPanelFloats * (kGptqBlock / kGptqPanel)));
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t r = 0; r < rows; ++r) {
          by[size_t(i / kGptqPanel * kPanelFloats + r * kGptqPanel + i % kGptqPanel)] = -inverse[i * kGptqBlock + r];
        }
      }
      qw::parallel(pool_, first / kGptqPanel, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t p = begin; p < end; ++p) multiply_rows(by.data(), first, rows, p);
      });
      for (int64_t p = 0; p < qw::gptq_panels(rows); ++p) {
        pack(inverse, kGptqBlock, rows, p * kGptqPanel, rows, &right_[size_t((first / kGptqPanel + p) * kPanelFloats)]);
      }
      for (int64_t r = 0; r < rows; ++r) std::memcpy(row(first + r) + first, inverse + r * kGptqBlock, size_t(rows) * sizeof(float));
      for_long_rows(qw::gptq_panels(width_ - next), [&](int64_t p) { add_products(first, rows, next + p * kGptqPanel); });
    }
  }

  // U = M^T in the layout of factor.h.
  void write(float* out) {
    qw::parallel(pool_, blocks_, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = b * kGptqBlock, rows = qw::gptq_block_rows(width_, first);
        float* panel = out + qw::gptq_block_offset(width_, first);
        for (int64_t column = first; column < width_; column += kGptqPanel, panel += rows * kGptqPanel) {
          for (int64_t c = 0; c < kGptqPanel; ++c) {
            const int64_t i = column + c;
            for (int64_t r = 0; r < rows; ++r) panel[r * kGptqPanel + c] = i < width_ && i >= first + r ? row(i)[first + r] : 0.0f;
          }
        }
      }
    });
  }

 private:
  float* inverse_of(int64_t block) { return inverses_.data() + block * kGptqBlock * kGptqBlock; }

  // [rows][32] of the columns from `column` on, zeros from `columns` on.
  static void pack(const float* from, int64_t stride, int64_t rows, int64_t column, int64_t columns, float* panel) {
    const int64_t count = std::min(kGptqPanel, columns - column);
    for (int64_t r = 0; r < rows; ++r, panel += kGptqPanel) {
      std::memcpy(panel, from + r * stride + column, size_t(count) * sizeof(float));
      std::memset(panel + count, 0, size_t(kGptqPanel - count) * sizeof(float));
    }
  }

  // Panel p of the block's rows becomes sum_r by[r][i] row(first + r)[..], in place and in right_. Panels before a block are full.
  void multiply_rows(const float* by, int64_t first, int64_t rows, int64_t p) {
    float* packed = &right_[size_t(p * kPanelFloats)];
    pack(row(first), width_, rows, p * kGptqPanel, width_, packed);
    for (int64_t r = 0; r < rows; ++r) std::memset(row(first + r) + p * kGptqPanel, 0, kGptqPanel * sizeof(float));
    for (int64_t i = 0; i < rows; i += kGptqPanel) {
      gram_block_(by + i / kGptqPanel * kPanelFloats, packed, rows, std::min(kGptqPanel, rows - i), kGptqPanel, row(first + i) + p * kGptqPanel, width_);
    }
    pack(row(first), width_, rows, p * kGptqPanel, width_, packed);
  }

  // Rows [i, i + 32): sums += T[i, block] M[block, ..]; T's columns of the block are not needed afterwards.
  void add_products(int64_t first, int64_t rows, int64_t i) {
    float by[kPanelFloats];
    const int64_t height = std::min(kGptqPanel, width_ - i);
    for (int64_t r = 0; r < height; ++r) {
      float* from = row(i + r) + first;
      for (int64_t k = 0; k < rows; ++k) by[k * kGptqPanel + r] = from[k];
      std::memset(from, 0, size_t(rows) * sizeof(float));
    }
    for (int64_t column = 0; column < first + rows; column += kGptqPanel) {
      gram_block_(by, &right_[size_t(column / kGptqPanel * kPanelFloats)], rows, height, std::min(kGptqPanel, first + rows - column), row(i) + column,
                  width_);
    }
  }

  // The longest rows of a triangle first, so that the last ones claimed are short.
  template <typename Body>
  void for_long_rows(int64_t count, const Body& body) {
    qw::parallel(pool_, count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) body(count - 1 - i);
    });
  }

  int64_t width_, blocks_;
  qw_pool* pool_;
  qw::GramBlock* gram_block_;
  std::vector<float> a_;
  std::vector<float> inverses_;     // M_kk of every block
  std::vector<float> left_, right_;  // one block of rows as panels [row][32]
};

// -1 when all of the lower triangle is finite, else the row.
int64_t first_not_finite(const float* hessian, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      if (!std::isfinite(hessian[i * width + j])) return i;
    }
  }
  return -1;
}

}  // namespace

int64_t qw_gptq_factor_size(int64_t width) {
  const int64_t last = (width - 1) / kGptqBlock * kGptqBlock, rows = width - last;
  return qw::gptq_block_offset(width, last) + rows * qw::gptq_panels(rows) * kGptqPanel;
}

qw_status qw_gptq_factor(const float* hessian, int64_t width, const qw_gptq_factor_options* options, qw_pool* pool, float* factor,
                         int32_t* order, uint8_t* dead, qw_gptq_factor_result* result) {
  if (width < 1) return qw_error(QW_INVALID_ARGUMENT, "gptq: a Hessian of width %lld", (long long)width);
  if (!(options->damp_percent > 0 && options->damp_percent < 1)) {
    return qw_error(QW_INVALID_ARGUMENT, "gptq: damp_percent %g must lie between 0 and 1", options->damp_percent);
  }
  if (!(options->scale > 0 && std::isfinite(options->scale))) return qw_error(QW_INVALID_ARGUMENT, "gptq: the scale %g must be positive", options->scale);
  const int64_t bad = first_not_finite(hessian, width);
  if (bad >= 0) {
    return qw_error(QW_INVALID_ARGUMENT, "gptq: the Hessian is not finite at row %lld: the inputs that were observed overflow", (long long)bad);
  }
  try {
    std::vector<float> diagonal(static_cast<size_t>(width));
    double mean = 0;
    result->dead = 0;
    for (int64_t i = 0; i < width; ++i) {
      const float value = hessian[i * width + i] * float(options->scale);
      dead[i] = value == 0;
      result->dead += dead[i];
      diagonal[size_t(i)] = dead[i] && !options->damp_first ? 1.0f : value;
      mean += double(diagonal[size_t(i)]) / double(width);
    }
    std::iota(order, order + width, 0);
    if (options->desc_act) {
      std::stable_sort(order, order + width, [&](int32_t a, int32_t b) { return diagonal[size_t(a)] > diagonal[size_t(b)]; });
    }
    Factorization work(width, pool);
    for (double damp = options->damp_percent; damp < 1; damp *= 2) {
      qw::parallel(pool, width, 64, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t from = order[i];
          for (int64_t j = 0; j < i; ++j) {
            const int64_t other = order[j];
            work.row(i)[j] = hessian[std::max(from, other) * width + std::min(from, other)] * float(options->scale);
          }
          work.row(i)[i] = dead[from] && options->damp_first ? 1.0f : float(double(diagonal[size_t(from)]) + damp * mean);
        }
      });
      if (!work.lower_factor()) continue;
      work.invert();
      work.write(factor);
      result->damp_percent = damp;
      return qw_ok();
    }
    return qw_error(QW_INVALID_ARGUMENT, "gptq: the Hessian is not positive definite even with its whole mean diagonal added; calibrate with more text");
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "gptq: no memory to factor a Hessian of %lld x %lld", (long long)width, (long long)width);
  }
}
