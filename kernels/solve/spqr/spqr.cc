// Rows in parallel, as in solve/gptq: a task takes up to 128 rows, in panels of 32, through all blocks of columns. A group is fitted where it begins,
// on weights that have the errors of every column before it, those of its own block too; so the width of blocks does not show in the result.
//
// Cost: that of GPTQ, and 3 more roundings of every weight for the guess of outliers. A search of the threshold repeats it on at most 512 rows.
#include "solve/spqr/spqr.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "cpu/pick.h"
#include "linear/float16.h"
#include "solve/gptq/rows.h"
#include "solve/spqr/line.h"
#include "solve/spqr/second.h"
#include "solve/spqr/threshold.h"

namespace {

using qw::kGptqBlock;
using qw::kGptqPanel;

struct Outlier {
  int32_t column;
  float value;
};

struct Job {
  const qw_dense& source;
  const qw_spqr_options& options;
  const float* factor;
  const int32_t* order;
  const uint8_t* dead;
  const float* diagonal;      // [cols] of U
  const qw_spqr_matrix* out;  // NULL: outliers are only counted
  int64_t groups, group_size;
  float threshold;
  qw::SpqrFit* fit;
  qw::SpqrRun* run;
  qw::GramBlock* gram_block;
  std::vector<std::vector<Outlier>> outliers;  // of every row
  qw::GptqLosses losses;
};

// Rows [first, first + rows) from the first column to the last.
class Task {
 public:
  Task(Job& job, int64_t first, int64_t rows)
      : job_(job),
        rows_(job.source, first, rows),
        width_(job.source.cols),
        scale_(size_t(rows_.panels * kGptqPanel)),
        zero_(scale_.size()),
        group_w_(size_t(std::min(std::max(job.group_size, kGptqBlock), width_) * kGptqPanel)),
        guessed_(group_w_.size()),
        block_w_(size_t(kGptqBlock * kGptqPanel)),
        block_codes_(block_w_.size()),
        block_outliers_(block_w_.size()),
        loss_(size_t(qw::kGptqMostRows)) {}

  void run() {
    std::vector<float> x(static_cast<size_t>(width_));
    for (int64_t r = 0; r < rows_.rows; ++r) {
      rows_.read(r, x.data());
      prepare(r, x.data());
    }
    for (int64_t column = 0; column < width_; column += kGptqBlock) solve(column);
    for (int64_t r = 0; job_.out != nullptr && r < rows_.rows; ++r) finish(r, x.data());
  }

 private:
  void prepare(int64_t r, float* x) {
    for (int64_t i = 0; i < width_; ++i) {
      if (std::isfinite(x[i])) continue;
      qw::lower(job_.losses.not_finite, (rows_.first + r) * width_ + i);
      std::fill(x, x + width_, 0.0f);
      break;
    }
    float* w = rows_.row(r);
    for (int64_t i = 0; i < width_; ++i) w[i] = job_.dead[job_.order[i]] ? 0.0f : x[job_.order[i]];
  }

  void solve(int64_t column) {
    const int64_t count = qw::gptq_block_rows(width_, column);
    const float* upper = job_.factor + qw::gptq_block_offset(width_, column);
    for (int64_t p = 0; p < rows_.panels; ++p) solve_panel(column, count, p, upper);
    rows_.move_behind(column, upper, job_.gram_block);
  }

  void solve_panel(int64_t column, int64_t count, int64_t p, const float* upper) {
    transpose(p, column, count, block_w_.data());
    float loss[kGptqPanel] = {};
    for (int64_t begin = 0; begin < count;) {
      const int64_t group = (column + begin) / job_.group_size, group_begin = group * job_.group_size;
      const int64_t group_end = std::min(width_, group_begin + job_.group_size), end = std::min(count, group_end - column);
      if (column + begin == group_begin) fit_group(p, group, column, group_end - group_begin, begin);
      job_.run({count, begin, end, upper, &scale_[size_t(p * kGptqPanel)], &zero_[size_t(p * kGptqPanel)], top(), job_.threshold,
                job_.options.value_type, block_w_.data(), block_codes_.data(), rows_.error_of(p), block_outliers_.data(), loss});
      begin = end;
    }
    for (int64_t r = 0; r < rows_.height(p); ++r) {
      loss_[size_t(p * kGptqPanel + r)] += double(loss[r]);
      keep(rows_.first + p * kGptqPanel + r, r, column, count);
    }
  }

  // Codes and outliers of one row of a block.
  void keep(int64_t out_row, int64_t r, int64_t column, int64_t count) {
    std::vector<Outlier>& outliers = job_.outliers[size_t(out_row)];
    for (int64_t i = 0; i < count; ++i) {
      const float value = block_outliers_[size_t(i * kGptqPanel + r)];
      if (value != 0.0f) outliers.push_back({job_.order[column + i], value});
    }
    if (job_.out == nullptr) return;
    uint8_t* codes = job_.out->codes + out_row * width_;
    for (int64_t i = 0; i < count; ++i) codes[job_.order[column + i]] = uint8_t(int(block_codes_[size_t(i * kGptqPanel + r)]));
  }

  // `column`: where the block begins; `begin`: the group, in the block. A group that is longer than a block begins with one, and the rows hold what
  // the blocks before it moved.
  void fit_group(int64_t p, int64_t group, int64_t column, int64_t columns, int64_t begin) {
    const bool within = begin + columns <= kGptqBlock;
    const float* w = within ? &block_w_[size_t(begin * kGptqPanel)] : group_w_.data();
    if (!within) transpose(p, column, columns, group_w_.data());
    const qw_spqr_options& options = job_.options;
    float *scale = &scale_[size_t(p * kGptqPanel)], *zero = &zero_[size_t(p * kGptqPanel)];
    const float guess = options.simplified ? std::numeric_limits<float>::infinity() : job_.threshold;
    job_.fit({columns, w, job_.diagonal + column + begin, top(), options.symmetric, options.round_zero, guess, guessed_.data(), scale, zero});
    const int64_t rows = rows_.height(p), together = options.stat_group;
    for (int64_t r = 0; r < rows; r += together) {
      const int64_t out_row = rows_.first + p * kGptqPanel + r;
      const int count = int(std::min(together, rows - r));
      const size_t at = size_t(out_row / together * job_.groups + group);
      const qw_spqr_matrix* out = job_.out;
      // Zeros that were rounded are codes already, unless they get fewer bits than those have (the reference's condition).
      const bool zero_bits = options.zero_bits > 0 && (!options.round_zero || options.zero_bits < options.bits);
      quantize(scale + r, count, options.scale_bits, false, out_row, group, out == nullptr ? nullptr : out->scale_codes,
               out == nullptr ? nullptr : out->scale_step + at, out == nullptr ? nullptr : out->scale_zero + at);
      if (zero_bits || options.zero_bits == 0) {
        quantize(zero + r, count, options.zero_bits, options.zero_symmetric != 0, out_row, group, out == nullptr ? nullptr : out->zero_codes,
                 out == nullptr ? nullptr : out->zero_step + at, out == nullptr ? nullptr : out->zero_zero + at);
      } else {
        keep_whole_zeros(zero + r, count, out_row, group, at);
      }
      for (int i = 0; out != nullptr && i < count; ++i) {
        out->scale[(out_row + i) * job_.groups + group] = scale[r + i];
        out->zero[(out_row + i) * job_.groups + group] = zero[r + i];
      }
    }
  }

  // In place: to what the stored form gives back.
  void quantize(float* values, int count, int bits, bool symmetric, int64_t out_row, int64_t group, uint8_t* codes, float* step, float* zero) const {
    if (bits == 0) {
      for (int i = 0; i < count; ++i) values[i] = qw_round_to_type(job_.options.stat_type, values[i]);
      return;
    }
    uint8_t made[kGptqPanel];
    const qw::SpqrSecond second = qw::spqr_second_level(values, count, bits, symmetric, job_.options.stat_type, made);
    if (codes == nullptr) return;
    for (int i = 0; i < count; ++i) codes[(out_row + i) * job_.groups + group] = made[i];
    *step = second.step;
    *zero = second.zero;
  }

  // Rounded zeros as codes of step 1, from the least of them on: exact where they span no more than the bits have.
  void keep_whole_zeros(float* zeros, int count, int64_t out_row, int64_t group, size_t at) const {
    const float top = float((1 << job_.options.zero_bits) - 1);
    const float least = qw_round_to_type(job_.options.stat_type, *std::min_element(zeros, zeros + count));
    for (int i = 0; i < count; ++i) {
      const float code = std::min(std::max(std::nearbyint(zeros[i] - least), 0.0f), top);
      zeros[i] = code + least;
      if (job_.out != nullptr) job_.out->zero_codes[(out_row + i) * job_.groups + group] = uint8_t(code);
    }
    if (job_.out == nullptr) return;
    job_.out->zero_step[at] = 1.0f;
    job_.out->zero_zero[at] = -least;
  }

  // What is stored, and what it lost, against the row as it is in the source.
  void finish(int64_t r, float* x) {
    const int64_t out_row = rows_.first + r;
    std::vector<Outlier>& outliers = job_.outliers[size_t(out_row)];
    std::sort(outliers.begin(), outliers.end(), [](const Outlier& a, const Outlier& b) { return a.column < b.column; });
    job_.losses.loss[size_t(out_row)] = loss_[size_t(r)] / 2;
    rows_.read(r, x);
    const uint8_t* codes = job_.out->codes + out_row * width_;
    const float *scale = job_.out->scale + out_row * job_.groups, *zero = job_.out->zero + out_row * job_.groups;
    double signal = 0, noise = 0;
    auto outlier = outliers.begin();
    for (int64_t i = 0; i < width_; ++i) {
      const int32_t group = job_.out->g_idx[i];
      float w = (float(codes[i]) - zero[group]) * scale[group];
      if (outlier != outliers.end() && outlier->column == i) w += (outlier++)->value;
      const double difference = double(x[i] - w);
      signal += double(x[i]) * double(x[i]);
      noise += difference * difference;
    }
    job_.losses.signal[size_t(out_row)] = signal;
    job_.losses.noise[size_t(out_row)] = noise;
  }

  // Columns of a panel side by side: [columns][32].
  void transpose(int64_t p, int64_t column, int64_t columns, float* to) {
    for (int64_t r = 0; r < kGptqPanel; ++r) {
      const float* from = rows_.row(p * kGptqPanel + r) + column;
      for (int64_t i = 0; i < columns; ++i) to[i * kGptqPanel + r] = from[i];
    }
  }

  float top() const { return float((1 << job_.options.bits) - 1); }

  Job& job_;
  qw::GptqRows rows_;
  int64_t width_;
  std::vector<float> scale_, zero_;  // [rows] of the group in work
  std::vector<float> group_w_;       // a group longer than a block
  std::vector<uint8_t> guessed_;
  std::vector<float> block_w_, block_codes_, block_outliers_;
  std::vector<double> loss_;
};

// Takes rows [0, rows) in steps of `height`, `apart` rows from one to the next.
void run_tasks(Job& job, int64_t height, int64_t apart, qw_pool* pool) {
  qw::gptq_run_tasks(pool, job.source.rows, height, apart, [&](int64_t first, int64_t count) { Task(job, first, count).run(); });
}

// Outliers a weight at a threshold, of every `apart / 32`th panel of rows.
double outlier_rate(Job& job, double threshold, int64_t apart, qw_pool* pool) {
  job.threshold = float(threshold);
  for (std::vector<Outlier>& row : job.outliers) row.clear();
  run_tasks(job, kGptqPanel, apart, pool);
  size_t count = 0;
  int64_t rows = 0;
  for (int64_t row = 0; row < job.source.rows; ++row) {
    count += job.outliers[size_t(row)].size();
    rows += row % apart < kGptqPanel;
    job.outliers[size_t(row)].clear();
  }
  return double(count) / (double(rows) * double(job.source.cols));
}

// CSR of what the rows collected.
void collect(const Job& job, qw_spqr_result* result) {
  const int64_t rows = job.source.rows;
  result->outliers = 0;
  for (const std::vector<Outlier>& row : job.outliers) result->outliers += int64_t(row.size());
  if (result->outliers > INT32_MAX) throw std::bad_alloc();
  const size_t count = size_t(std::max<int64_t>(1, result->outliers));
  result->row_begin = static_cast<int32_t*>(std::malloc(size_t(rows + 1) * sizeof(int32_t)));
  result->columns = static_cast<int32_t*>(std::malloc(count * sizeof(int32_t)));
  result->values = static_cast<float*>(std::malloc(count * sizeof(float)));
  if (result->row_begin == nullptr || result->columns == nullptr || result->values == nullptr) throw std::bad_alloc();
  int32_t at = 0;
  for (int64_t row = 0; row < rows; ++row) {
    result->row_begin[row] = at;
    for (const Outlier& outlier : job.outliers[size_t(row)]) {
      result->columns[at] = outlier.column;
      result->values[at++] = outlier.value;
    }
  }
  result->row_begin[rows] = at;
}

qw_status solve(Job& job, qw_pool* pool, qw_spqr_result* result) {
  const int64_t rows = job.source.rows, cols = job.source.cols;
  const qw_spqr_options& options = job.options;
  const double mean = qw::spqr_outlier_scale(job.source, job.order, job.dead, job.diagonal, pool);
  double relative = options.outlier_threshold;
  const qw_spqr_matrix* out = job.out;
  if (options.target_bits > 0) {
    const double wanted = (options.target_bits - qw_spqr_bits(&options, rows, cols, 0)) / 32;
    // Every panel of small matrices, 16 panels from top to bottom of large ones.
    const int64_t apart = std::max<int64_t>(1, qw::gptq_panels(rows) / 16) * kGptqPanel;
    job.out = nullptr;
    relative = qw::spqr_search_threshold(wanted, [&](double candidate) { return outlier_rate(job, candidate * mean, apart, pool); });
    job.out = out;
  }
  job.threshold = float(relative * mean);
  if (!(job.threshold > 0)) job.threshold = std::numeric_limits<float>::infinity();  // one row, or all rows alike
  result->relative_threshold = relative;
  result->threshold = double(job.threshold);
  const int64_t height = qw::gptq_task_rows(rows, kGptqPanel, pool);
  run_tasks(job, height, height, pool);
  job.losses.total(cols, result);
  collect(job, result);
  result->average_bits = qw_spqr_bits(&options, rows, cols, result->outliers);
  return qw_ok();
}

}  // namespace

qw_status qw_spqr_plan(const qw_spqr_options* options, int64_t rows, int64_t cols, int64_t* groups, int64_t* stat_groups) {
  const qw_spqr_options& o = *options;
  if (rows < 1 || cols < 1 || cols > INT32_MAX) return qw_error(QW_INVALID_ARGUMENT, "spqr: a matrix of %lld x %lld", (long long)rows, (long long)cols);
  if (o.bits < 2 || o.bits > 4) return qw_error(QW_UNSUPPORTED, "spqr: codes of %d bits; 2, 3 and 4 can be kept", o.bits);
  const bool aligned = o.group_size == -1 || (o.group_size > 0 && (kGptqBlock % o.group_size == 0 || o.group_size % kGptqBlock == 0));
  if (!aligned) return qw_error(QW_UNSUPPORTED, "spqr: group_size %lld must divide 128 or be a multiple of it", (long long)o.group_size);
  if (o.scale_bits < 0 || o.scale_bits > 8 || o.zero_bits < 0 || o.zero_bits > 8 || (o.scale_bits == 0) != (o.zero_bits == 0)) {
    return qw_error(QW_UNSUPPORTED, "spqr: scales of %d and zeros of %d bits; both have 1 to 8", o.scale_bits, o.zero_bits);
  }
  if (o.stat_group < 1 || kGptqPanel % o.stat_group != 0) {
    return qw_error(QW_UNSUPPORTED, "spqr: the scales of %lld rows together; it must divide 32", (long long)o.stat_group);
  }
  if (!(o.outlier_threshold > 0) && !(o.target_bits > 0)) {
    return qw_error(QW_INVALID_ARGUMENT, "spqr: the outlier threshold %g must be positive", o.outlier_threshold);
  }
  const double least = qw_spqr_bits(&o, rows, cols, 0);
  if (o.target_bits > 0 && (o.target_bits < least || o.target_bits > least + 16)) {
    return qw_error(QW_INVALID_ARGUMENT, "spqr: %g bits a weight cannot be met: codes, scales and zeros take %.3f, and outliers at most 16 more", o.target_bits,
                    least);
  }
  *groups = o.group_size == -1 ? 1 : (cols + o.group_size - 1) / o.group_size;
  *stat_groups = (rows + o.stat_group - 1) / o.stat_group;
  return qw_ok();
}

double qw_spqr_bits(const qw_spqr_options* o, int64_t rows, int64_t cols, int64_t outliers) {
  const double group = o->group_size == -1 ? double(cols) : double(std::min(o->group_size, cols)), weights = double(rows) * double(cols);
  const double stats = o->scale_bits == 0 ? 2.0 * 8.0 * double(qw_type_bytes(o->stat_type)) / group
                                          : double(o->scale_bits + o->zero_bits) / group + 64.0 / (group * double(o->stat_group));
  return double(o->bits) + stats + 32.0 * double(outliers) / weights;
}

qw_status qw_spqr_solve(const qw_dense* source, const float* factor, const int32_t* order, const uint8_t* dead,
                        const qw_spqr_options* options, qw_pool* pool, const qw_spqr_matrix* out, qw_spqr_result* result) {
  const int64_t rows = source->rows, cols = source->cols;
  *result = {};
  int64_t groups, stat_groups;
  const qw_status planned = qw_spqr_plan(options, rows, cols, &groups, &stat_groups);
  if (planned.code != QW_OK) return planned;
  try {
    std::vector<int32_t> places;
    const qw_status copied = qw::gptq_copy_order("spqr", order, cols, &places);
    if (copied.code != QW_OK) return copied;
    const int64_t group_size = options->group_size == -1 ? cols : options->group_size;
    std::vector<float> diagonal(static_cast<size_t>(cols));
    for (int64_t i = 0; i < cols; ++i) {
      const int64_t first = i / kGptqBlock * kGptqBlock, within = i - first, count = qw::gptq_block_rows(cols, first);
      diagonal[size_t(i)] = factor[qw::gptq_block_offset(cols, first) + (within / kGptqPanel * count + within) * kGptqPanel + within % kGptqPanel];
      out->g_idx[places[size_t(i)]] = int32_t(i / group_size);
    }
    Job job{*source, *options, factor, places.data(), dead, diagonal.data(), out, groups, group_size, 0, QW_PICK(qw::spqr_fit),
            QW_PICK(qw::spqr_run), QW_PICK(qw::gram_block), std::vector<std::vector<Outlier>>(static_cast<size_t>(rows)), qw::GptqLosses(rows)};
    return solve(job, pool, result);
  } catch (const std::bad_alloc&) {
    qw_spqr_free(result);
    return qw_error(QW_OUT_OF_MEMORY, "spqr: no memory to solve a matrix of %lld x %lld", (long long)rows, (long long)cols);
  }
}

void qw_spqr_free(qw_spqr_result* result) {
  std::free(result->row_begin);
  std::free(result->columns);
  std::free(result->values);
  result->row_begin = result->columns = nullptr;
  result->values = nullptr;
}
