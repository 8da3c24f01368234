// The clip search. For each group of columns, the errors d = w' - w of several candidates of several rows stand side by side in panels, and
//   mean over tokens of (x d)^2 = d^T (X^T X / tokens) d      where the group has no more columns than there are tokens, else |X d|^2 / tokens
// so that a candidate costs group * min(group, tokens) multiply-adds in gram_block of kernels/observe, whatever the number of tokens.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/pick.h"
#include "linear/float16.h"
#include "observe/observe.h"
#include "pack/widen/widen.h"
#include "solve/awq/awq.h"
#include "solve/awq/fake.h"

namespace {

using qw::kPanel;

constexpr int64_t kDepth = 128;  // of a product at once: two panels of it stay in the first cache
constexpr int64_t kRows = 16;    // of a task
constexpr double kLargestError = 1e9;

int64_t panels(int64_t count) { return (count + kPanel - 1) / kPanel; }

// What candidates of one group are multiplied by: panels [count][kPanel] of a matrix [count, width].
struct Measure {
  int64_t count = 0, width = 0;
  bool squared = false;          // the products are X d, to be squared; else G d, to be multiplied by d
  std::vector<float> packed;

  // x: the group's columns of every token, `stride` apart.
  void of(const float* x, int64_t tokens, int64_t stride, int64_t group, qw_pool* pool) {
    count = group;
    squared = group > tokens;
    width = squared ? tokens : group;
    packed.assign(size_t(panels(width) * kPanel * count), 0.0f);
    if (squared) {
      const float by = float(1.0 / std::sqrt(double(tokens)));
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t k = 0; k < count; ++k) packed[at(k, t)] = x[t * stride + k] * by;
      }
      return;
    }
    std::vector<float> rows(size_t(tokens * group)), triangle(size_t(qw_hessian_size(group)), 0.0f), gram(size_t(group * group)), scratch(size_t(qw_hessian_scratch(tokens, group)));
    for (int64_t t = 0; t < tokens; ++t) std::copy(x + t * stride, x + t * stride + group, rows.data() + t * group);
    qw_hessian(rows.data(), tokens, group, triangle.data(), scratch.data(), pool);
    qw_hessian_unpack(triangle.data(), group, gram.data());
    const float by = float(1.0 / double(tokens));
    for (int64_t k = 0; k < group; ++k) {
      for (int64_t j = 0; j < group; ++j) packed[at(k, j)] = gram[size_t(k * group + j)] * by;
    }
  }
  size_t at(int64_t k, int64_t j) const { return size_t((j / kPanel * count + k) * kPanel + j % kPanel); }
};

// Candidates of a task: rows * steps columns of d, in panels [count][kPanel].
class Candidates {
 public:
  Candidates(int64_t count, int64_t most) : count_(count), d_(size_t(panels(most) * kPanel * count)), error_(size_t(panels(most) * kPanel)) {}

  void set(int64_t index, const float* rounded, const float* w) {
    float* column = d_.data() + index / kPanel * kPanel * count_ + index % kPanel;
    for (int64_t k = 0; k < count_; ++k) column[k * kPanel] = rounded[k] - w[k];
  }

  // error of the first `candidates`.
  const double* errors(const Measure& measure, int64_t candidates, qw::GramBlock* multiply) {
    std::fill(error_.begin(), error_.end(), 0.0);
    alignas(64) float product[kPanel * kPanel];
    for (int64_t p = 0; p < panels(candidates); ++p) {
      const float* d = d_.data() + p * kPanel * count_;
      const int64_t height = std::min(kPanel, candidates - p * kPanel);
      for (int64_t q = 0; q < panels(measure.width); ++q) {
        const float* by = measure.packed.data() + q * kPanel * count_;
        const int64_t columns = std::min(kPanel, measure.width - q * kPanel);
        std::fill(product, product + kPanel * kPanel, 0.0f);
        for (int64_t k = 0; k < count_; k += kDepth) {
          multiply(d + k * kPanel, by + k * kPanel, std::min(kDepth, count_ - k), height, columns, product, kPanel);
        }
        for (int64_t i = 0; i < height; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < columns; ++j) {
            const double value = double(product[i * kPanel + j]);
            sum += measure.squared ? value * value : value * double(d[(q * kPanel + j) * kPanel + i]);
          }
          error_[size_t(p * kPanel + i)] += sum;
        }
      }
    }
    return error_.data();
  }

 private:
  int64_t count_;
  std::vector<float> d_;
  std::vector<double> error_;
};

}  // namespace

qw_status qw_awq_clip(const qw_dense* source, const float* x, int64_t tokens, const qw_rtn_options* options, const qw_awq_clip_options* search,
                      qw_pool* pool, float* limits) {
  const int64_t rows = source->rows, cols = source->cols;
  qw::FakeQuantize plan;
  const qw_status planned = plan.of(*options, rows, cols);
  if (planned.code != QW_OK) return planned;
  if (tokens < 1) return qw_error(QW_INVALID_ARGUMENT, "awq: the clip search needs at least one token");
  const int64_t steps = int64_t(search->max_shrink * search->grid);
  if (search->grid < 1 || !(search->max_shrink >= 0 && search->max_shrink <= 1)) {
    return qw_error(QW_INVALID_ARGUMENT, "awq: a clip search of %d steps down to %g of the range; the first must be positive, the second 0 to 1",
                    search->grid, 1 - search->max_shrink);
  }
  const int64_t size = plan.group_size, groups = plan.groups, bytes = qw_type_bytes(source->type);
  const qw_rtn_line& line = qw_rtn_line_in_force();
  qw::GramBlock* multiply = QW_PICK(qw::gram_block);
  qw_widen_line_function* widen = qw_widen_line();
  try {
    Measure measure;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t first = g * size, count = std::min(size, cols - first);
      if (steps > 0) measure.of(x + first, tokens, cols, count, pool);
      std::atomic<bool> out_of_memory{false};
      qw::parallel(pool, (rows + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end, int) {
        try {
          std::vector<float> w(size_t(kRows * count)), clipped(static_cast<size_t>(count)), rounded(static_cast<size_t>(count));
          std::vector<uint8_t> codes(static_cast<size_t>(count));
          std::vector<float> magnitude(static_cast<size_t>(kRows));
          Candidates candidates(count, kRows * std::max<int64_t>(1, steps));
          for (int64_t task = begin; task < end; ++task) {
            const int64_t top = task * kRows, height = std::min(kRows, rows - top);
            for (int64_t r = 0; r < height; ++r) {
              float* row = w.data() + r * count;
              widen(source->type, static_cast<const char*>(source->data) + ((top + r) * cols + first) * bytes, count, row);
              float most = 0;
              for (int64_t k = 0; k < count; ++k) most = std::max(most, std::fabs(row[k]));
              magnitude[size_t(r)] = most;
              for (int64_t i = 0; i < steps; ++i) {
                const float limit = most * float(1.0 - double(i) / search->grid);
                for (int64_t k = 0; k < count; ++k) clipped[size_t(k)] = std::min(std::max(row[k], -limit), limit);
                qw::fake_quantize_group(line, plan, 1.0f, clipped.data(), count, codes.data(), rounded.data());
                candidates.set(r * steps + i, rounded.data(), row);
              }
            }
            const double* errors = steps > 0 ? candidates.errors(measure, height * steps, multiply) : nullptr;
            for (int64_t r = 0; r < height; ++r) {
              float best = magnitude[size_t(r)];
              double least = kLargestError;
              for (int64_t i = 0; i < steps; ++i) {
                if (errors[r * steps + i] < least) {
                  least = errors[r * steps + i];
                  best = magnitude[size_t(r)] * float(1.0 - double(i) / search->grid);
                }
              }
              limits[(top + r) * groups + g] = best;
            }
          }
        } catch (const std::bad_alloc&) {
          out_of_memory = true;
        }
      });
      if (out_of_memory) throw std::bad_alloc();
    }
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "awq: no memory for the clip search of a %lld x %lld matrix", (long long)rows, (long long)cols);
  }
}
