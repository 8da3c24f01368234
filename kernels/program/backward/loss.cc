// The C ABI of a tape's runs, and the two losses.
#include <algorithm>
#include <cstring>
#include <exception>

#include "cpu/parallel.h"
#include "program/backward/rows.h"
#include "program/backward/tape.h"

namespace {

// Where rows do not meet, so many bytes of the output at a time, and so many rows at least: the matrix behind them is widened once a piece.
constexpr int64_t kPieceBytes = 16 << 20, kPieceRows = 256;

template <typename Body>
qw_status guarded(qw_tape* tape, Body body) {
  try {
    return body();
  } catch (const std::exception&) {
    qw_tape_release(tape);
    return qw_error(QW_OUT_OF_MEMORY, "No memory to compute gradients; use fewer or shorter sequences at once.");
  }
}

void clear(const qw_tape& tape, float* const* wanted) {
  for (size_t i = 0; i < tape.wanted.size(); ++i) std::memset(wanted[i], 0, size_t(tape.wanted_sizes[i]) * sizeof(float));
}

qw_status check_input(const qw_tape& tape, const float* input) {
  if (input == nullptr || tape.input_gradient != 0) return qw_ok();
  return qw_error(QW_INVALID_ARGUMENT, "The tape was not made for the gradient of its input.");
}

// Runs pieces of rows: forward, gradient_of(first row, rows, output -> gradient in place) and backward.
template <typename GradientOf>
qw_status by_pieces(qw_tape& tape, const qw_sequences& sequences, float* input, float* const* wanted, qw_pool* pool, GradientOf gradient_of) {
  const qw_status checked = check_input(tape, input);
  if (checked.code != QW_OK) return checked;
  clear(tape, wanted);
  int64_t rows = 0;
  for (int64_t s = 0; s < sequences.count; ++s) rows += sequences.lengths[s];
  const int64_t width = tape.widths[size_t(tape.output)], input_width = tape.input == QW_INPUT_HIDDEN ? tape.widths[0] : 1;
  const int64_t piece = tape.rows_meet ? rows : std::min(rows, std::max(kPieceRows, kPieceBytes / (width * int64_t(sizeof(float)))));
  for (int64_t first = 0; first < rows; first += piece) {
    const int64_t count = std::min(piece, rows - first);
    // Four bytes an element: tokens and floats alike.
    const qw_sequences part{static_cast<const char*>(sequences.input) + first * input_width * 4, &count, 1};
    const qw_status status = qw::tape_forward(tape, tape.rows_meet ? sequences : part, pool);
    if (status.code != QW_OK) return status;
    float* output = tape.value(tape.output);
    gradient_of(first, count, output);
    qw::tape_backward(tape, output, input == nullptr ? nullptr : input + first * input_width, wanted, pool);
    qw_tape_release(&tape);
  }
  return qw_ok();
}

// Mean over all elements of (output - target)^2; sums of rows are added in their order, whatever the threads.
class SquaredError {
 public:
  SquaredError(const qw_tape& tape, const qw_sequences& sequences, const float* target) : width_(tape.widths[size_t(tape.output)]), target_(target) {
    int64_t rows = 0;
    for (int64_t s = 0; s < sequences.count; ++s) rows += sequences.lengths[s];
    squares_.assign(size_t(rows), 0.0);
  }
  // gradient: NULL, or where it goes, `output` itself too.
  void add(int64_t first, int64_t count, const float* output, float* gradient, qw_pool* pool) {
    const double elements = double(int64_t(squares_.size()) * width_);
    qw::parallel(pool, count, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t i = 0; i < width_; ++i) {
          const double difference = double(output[r * width_ + i]) - double(target_[(first + r) * width_ + i]);
          squares_[size_t(first + r)] += difference * difference;
          if (gradient != nullptr) gradient[r * width_ + i] = float(2.0 * difference / elements);
        }
      }
    });
  }
  double mean() const {
    double sum = 0;
    for (double one : squares_) sum += one;
    return sum / double(int64_t(squares_.size()) * width_);
  }

 private:
  const int64_t width_;
  const float* target_;
  std::vector<double> squares_;
};

}  // namespace

extern "C" qw_status qw_tape_forward(qw_tape* tape, const qw_sequences* sequences, int keep, float* out, qw_pool* pool) {
  return guarded(tape, [&] {
    const qw_status status = qw::tape_forward(*tape, *sequences, pool);
    if (status.code != QW_OK) return status;
    if (out != nullptr) std::memcpy(out, tape->value(tape->output), size_t(tape->rows * tape->widths[size_t(tape->output)]) * sizeof(float));
    if (keep == 0) qw_tape_release(tape);
    return status;
  });
}

extern "C" qw_status qw_tape_backward(qw_tape* tape, const float* gradient, float* input, float* const* wanted, qw_pool* pool) {
  return guarded(tape, [&] {
    const qw_status checked = check_input(*tape, input);
    if (checked.code != QW_OK) return checked;
    if (tape->rows == 0) return qw_error(QW_INVALID_ARGUMENT, "There is nothing to go back through: run forward with keep first, once for each backward run.");
    clear(*tape, wanted);
    qw::tape_backward(*tape, gradient, input, wanted, pool);
    qw_tape_release(tape);
    return qw_ok();
  });
}

extern "C" qw_status qw_tape_cross_entropy(qw_tape* tape, const qw_sequences* sequences, const int32_t* targets, double* loss, float* input, float* const* wanted,
                                           qw_pool* pool) {
  return guarded(tape, [&] {
    const int64_t width = tape->widths[size_t(tape->output)];
    int64_t rows = 0, counted = 0;
    for (int64_t s = 0; s < sequences->count; ++s) rows += sequences->lengths[s];
    for (int64_t r = 0; r < rows; ++r) {
      if (targets[r] >= width) {
        return qw_error(QW_INVALID_ARGUMENT, "Target %d of row %lld has no logit: the output is %lld wide.", targets[r], (long long)r, (long long)width);
      }
      counted += targets[r] >= 0;
    }
    if (counted == 0) return qw_error(QW_INVALID_ARGUMENT, "No row has a target to predict.");
    std::vector<double> nll(size_t(rows), 0.0);
    const float scale = float(1.0 / double(counted));
    const qw::BackwardRows& kernels = qw::backward_rows_in_force();
    const qw_status status = by_pieces(*tape, *sequences, input, wanted, pool, [&](int64_t first, int64_t count, float* logits) {
      qw::parallel(pool, count, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t r = begin; r < end; ++r) {
          if (targets[first + r] < 0) {
            std::memset(logits + r * width, 0, size_t(width) * sizeof(float));
          } else {
            nll[size_t(first + r)] = kernels.predict(logits + r * width, width, targets[first + r], scale);
          }
        }
      });
    });
    *loss = 0;
    for (double one : nll) *loss += one;
    *loss /= double(counted);
    return status;
  });
}

extern "C" qw_status qw_tape_squared_error(qw_tape* tape, const qw_sequences* sequences, const float* target, double* loss, float* input, float* const* wanted,
                                           qw_pool* pool) {
  return guarded(tape, [&] {
    SquaredError error(*tape, *sequences, target);
    const qw_status status = by_pieces(*tape, *sequences, input, wanted, pool,
                                       [&](int64_t first, int64_t count, float* output) { error.add(first, count, output, output, pool); });
    *loss = error.mean();
    return status;
  });
}

extern "C" qw_status qw_tape_squared_loss(qw_tape* tape, const qw_sequences* sequences, const float* target, double* loss, qw_pool* pool) {
  return guarded(tape, [&] {
    SquaredError error(*tape, *sequences, target);
    const qw_status status = qw::tape_forward(*tape, *sequences, pool);
    if (status.code != QW_OK) return status;
    error.add(0, tape->rows, tape->value(tape->output), nullptr, pool);
    qw_tape_release(tape);
    *loss = error.mean();
    return status;
  });
}
