// QRazor inside GPTQ: a task takes up to 128 rows through all columns, 128 of them at a time, as solve/gptq does; the rows of a column lie
// together, so that groups along outputs are stretches of it.
//
//   for column i:  q = clamp(rint(w[i] / scale)), razored with its group;  error = (w[i] - q' scale) / U[i, i]
//                  w[j] -= error U[i, j]  for the columns j > i of the block, and for those behind it after the block
//
// Cost: rows * width * 128 / 2 multiply-subtracts in blocks, rows * width^2 / 2 behind them in gram_block of kernels/observe.
#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "cpu/pick.h"
#include "solve/gptq/rows.h"
#include "solve/qrazor/fit.h"

namespace {

using qw::kGptqBlock;
using qw::kGptqPanel;

struct Job {
  const qw_dense& source;
  const qw_qrazor_options& options;
  const float* factor;
  const int32_t* order;
  const uint8_t* dead;
  bool in_order;
  int8_t* codes;
  uint8_t* shifts;
  float* scale;
  qw::GramBlock* gram_block;
  qw::GptqLosses losses;
};

// Rows [first, first + rows) from the first column to the last.
class Task {
 public:
  Task(Job& job, int64_t first, int64_t rows)
      : job_(job),
        base_(qw::sdr_base_range(job.options)),
        group_(job.options.group_size),
        rows_(job.source, first, rows),
        height_(rows_.panels * kGptqPanel),
        width_(job.source.cols),
        scale_(size_t(height_), 1.0f),
        block_w_(size_t(kGptqBlock * height_)),
        error_(size_t(height_)),
        loss_(size_t(height_)) {}

  void run() {
    std::vector<float> x(static_cast<size_t>(width_));
    for (int64_t r = 0; r < rows_.rows; ++r) prepare(r, x.data());
    for (int64_t column = 0; column < width_; column += kGptqBlock) solve(column);
    for (int64_t r = 0; r < rows_.rows; ++r) finish(r, x.data());
  }

 private:
  bool along_inputs() const { return job_.options.axis == QW_QRAZOR_INPUTS; }

  void prepare(int64_t r, float* x) {
    const int64_t row = rows_.first + r;
    if (const int64_t bad = qw::sdr_read_row(job_.source, row, x); bad >= 0) {
      qw::lower(job_.losses.not_finite, row * width_ + bad);
      std::fill(x, x + width_, 0.0f);
    }
    scale_[size_t(r)] = job_.scale[row] = qw::sdr_fit_scale(job_.options, x, width_);
    for (int64_t i = 0; i < width_; ++i) {
      if (job_.dead[i]) x[i] = 0.0f;
    }
    if (along_inputs() && !job_.in_order) {
      int8_t ignored[qw::kSdrMostGroup];
      for (int64_t at = 0; at < width_; at += group_) {
        *shift_of(r, at) = uint8_t(qw::sdr_round_group(job_.options, x + at, group_, scale_[size_t(r)], ignored));
      }
    }
    float* w = rows_.row(r);
    for (int64_t i = 0; i < width_; ++i) w[i] = x[job_.order[i]];
  }

  uint8_t* shift_of(int64_t r, int64_t column) {
    return along_inputs() ? job_.shifts + (rows_.first + r) * (width_ / group_) + column / group_ : job_.shifts + (rows_.first + r) / group_ * width_ + column;
  }

  int base(int64_t r, float w) const { return qw::sdr_base(w, scale_[size_t(r)], base_.low, base_.high); }

  // Shifts of the rows of a column, or of the groups of columns that begin with it, from the values as they are now.
  void find_shifts(int64_t i, int64_t column) {
    if (along_inputs()) {
      if (!job_.in_order || column % group_ != 0) return;
      for (int64_t r = 0; r < rows_.rows; ++r) {
        uint32_t most = 0;
        for (int64_t k = i; k < i + group_; ++k) most = std::max(most, uint32_t(std::abs(base(r, block_w_[size_t(k * height_ + r)]))));
        *shift_of(r, column) = uint8_t(qw::sdr_group(most, job_.options.bits, job_.options.rule).shift);
      }
      return;
    }
    for (int64_t begin = 0; begin < rows_.rows; begin += group_) {
      uint32_t most = 0;
      for (int64_t r = begin; r < std::min(begin + group_, rows_.rows); ++r) {
        most = std::max(most, uint32_t(std::abs(base(r, block_w_[size_t(i * height_ + r)]))));
      }
      *shift_of(begin, column) = uint8_t(qw::sdr_group(most, job_.options.bits, job_.options.rule).shift);
    }
  }

  void round_column(int64_t i, int64_t column, float pivot) {
    find_shifts(i, column);
    const float* w = &block_w_[size_t(i * height_)];
    for (int64_t r = 0; r < rows_.rows; ++r) {
      const int shift = *shift_of(r, column);
      const int code = qw::sdr_code(base(r, w[r]), qw::sdr_fixed_group(shift, job_.options.bits, job_.options.rule));
      job_.codes[(rows_.first + r) * width_ + column] = int8_t(code);
      error_[size_t(r)] = (w[r] - float(code * (1 << shift)) * scale_[size_t(r)]) / pivot;
      loss_[size_t(r)] += double(error_[size_t(r)]) * double(error_[size_t(r)]);
      rows_.minus_error[size_t((r / kGptqPanel * kGptqBlock + i) * kGptqPanel + r % kGptqPanel)] = -error_[size_t(r)];
    }
  }

  void solve(int64_t column) {
    const int64_t count = qw::gptq_block_rows(width_, column), panel_floats = count * kGptqPanel;
    const float* upper = job_.factor + qw::gptq_block_offset(width_, column);
    const auto u = [&](int64_t i, int64_t j) { return upper[j / kGptqPanel * panel_floats + i * kGptqPanel + j % kGptqPanel]; };
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t r = 0; r < rows_.rows; ++r) block_w_[size_t(i * height_ + r)] = rows_.row(r)[column + i];
    }
    for (int64_t i = 0; i < count; ++i) {
      round_column(i, job_.order[column + i], u(i, i));
      for (int64_t j = i + 1; j < count; ++j) {
        const float by = u(i, j);
        float* w = &block_w_[size_t(j * height_)];
        const float* error = error_.data();
        for (int64_t r = 0; r < height_; ++r) w[r] -= error[r] * by;
      }
    }
    rows_.move_behind(column, upper, job_.gram_block);
  }

  // What it lost, against the row as it is in the source.
  void finish(int64_t r, float* x) {
    const int64_t row = rows_.first + r;
    job_.losses.loss[size_t(row)] = loss_[size_t(r)] / 2;
    if (qw::sdr_read_row(job_.source, row, x) >= 0) return;
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < width_; ++i) {
      const float kept = float(int(job_.codes[row * width_ + i]) * (1 << *shift_of(r, i))) * scale_[size_t(r)];
      const double difference = double(x[i]) - double(kept);
      signal += double(x[i]) * double(x[i]);
      noise += difference * difference;
    }
    job_.losses.signal[size_t(row)] = signal;
    job_.losses.noise[size_t(row)] = noise;
  }

  Job& job_;
  const qw::SdrBase base_;
  const int64_t group_;
  qw::GptqRows rows_;
  const int64_t height_, width_;
  std::vector<float> scale_;    // [rows]
  std::vector<float> block_w_;  // [column of the block][rows]
  std::vector<float> error_;
  std::vector<double> loss_;
};

}  // namespace

qw_status qw_qrazor_gptq(const qw_dense* source, const float* factor, const int32_t* order, const uint8_t* dead, const qw_qrazor_options* options,
                         qw_pool* pool, int8_t* codes, uint8_t* shifts, float* scale, qw_gptq_result* result) {
  const int64_t rows = source->rows, cols = source->cols;
  int64_t shift_count, scale_count;
  const qw_status planned = qw_qrazor_plan(options, rows, cols, &shift_count, &scale_count);
  if (planned.code != QW_OK) return planned;
  if (options->base_group_size != -1 || !options->symmetric) {
    return qw_error(QW_UNSUPPORTED, "qrazor: inside GPTQ there is one symmetric scale a row");
  }
  try {
    std::vector<int32_t> places;
    const qw_status copied = qw::gptq_copy_order("qrazor", order, cols, &places);
    if (copied.code != QW_OK) return copied;
    const bool in_order = std::is_sorted(places.begin(), places.end());
    Job job{*source, *options, factor, places.data(), dead, in_order, codes, shifts, scale, QW_PICK(qw::gram_block), qw::GptqLosses(rows)};
    // Groups along outputs do not cross tasks.
    const int64_t least = std::max<int64_t>(kGptqPanel, options->axis == QW_QRAZOR_OUTPUTS ? options->group_size : 0);
    const int64_t height = qw::gptq_task_rows(rows, least, pool);
    qw::gptq_run_tasks(pool, rows, height, height, [&](int64_t first, int64_t count) { Task(job, first, count).run(); });
    job.losses.total(cols, result);
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "qrazor: no memory to solve a matrix of %lld x %lld", (long long)rows, (long long)cols);
  }
}
