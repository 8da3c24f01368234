// Rows in parallel: widen a row into a buffer of the task, fit and round its groups, and add up what was lost.
#include "solve/rtn/rtn.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"
#include "solve/rtn/group.h"

namespace {

constexpr int64_t kTaskWeights = 64 * 1024;  // about 50 us
constexpr uint32_t kInfinityBits = 0x7f800000u;
// inc searches ratios 1 - i / 200 in 40 steps.
constexpr int kMatrixSteps = 40, kMatrixGrid = 200;

void lower(std::atomic<int64_t>& smallest, int64_t value) {
  int64_t seen = smallest.load(std::memory_order_relaxed);
  while (value < seen && !smallest.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

struct Rounding {
  const qw_dense& source;
  const qw_rtn_options& options;
  const qw_rtn_line& line;
  int64_t group_size = 0, groups = 0;
  int is_signed = 0;
  float ratio = 1;
  uint8_t* codes = nullptr;
  float* scale = nullptr;
  float* zero = nullptr;
  std::vector<double> signal, noise;  // per row, so that the sums do not depend on the order of tasks
  std::atomic<int64_t> not_finite{std::numeric_limits<int64_t>::max()};  // row * cols + col
  std::atomic<int64_t> overflow{std::numeric_limits<int64_t>::max()};    // row * groups + group

  Rounding(const qw_dense& matrix, const qw_rtn_options& wanted, const qw_rtn_line& kernels)
      : source(matrix), options(wanted), line(kernels) {}

  int64_t group_length(int64_t group) const { return std::min(group_size, source.cols - group * group_size); }

  void read_row(int64_t row, float* out) const {
    const char* bytes = static_cast<const char*>(source.data) + row * source.cols * qw_type_bytes(source.type);
    qw_widen_line()(source.type, bytes, source.cols, out);
  }

  // False, and the first place noted, when the row holds NaN or infinity.
  bool check_finite(int64_t row, const float* x) {
    if (line.magnitude(x, source.cols) < kInfinityBits) return true;
    int64_t column = 0;
    while (std::isfinite(x[column])) ++column;
    lower(not_finite, row * source.cols + column);
    return false;
  }

  void round_row(int64_t row, const float* x) {
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t first = group * group_size, count = group_length(group), at = row * groups + group;
      const qw_rtn_grid grid = qw_rtn_fit_group(line, options, x + first, count, ratio);
      uint8_t* out = codes + row * source.cols + first;
      line.quantize(x + first, count, &grid, out);
      scale[at] = qw_round_to_type(options.scale_type, grid.scale);
      zero[at] = qw_round_to_type(options.scale_type, qw_rtn_stored_zero(&grid));
      if (!std::isfinite(scale[at]) || !std::isfinite(zero[at])) lower(overflow, at);
      line.error(x + first, count, out, is_signed, scale[at], zero[at], &signal[size_t(row)], &noise[size_t(row)]);
    }
  }

  template <typename Body>  // body(row, values) for every finite row
  void for_rows(qw_pool* pool, const Body& body) {
    qw::parallel(pool, source.rows, std::max<int64_t>(1, kTaskWeights / source.cols), [&](int64_t begin, int64_t end, int) {
      std::vector<float> x(static_cast<size_t>(source.cols));
      for (int64_t row = begin; row < end; ++row) {
        read_row(row, x.data());
        if (check_finite(row, x.data())) body(row, x.data());
      }
    });
  }

  // inc: the clip ratio with the least squared error over the whole matrix.
  float search_ratio(qw_pool* pool) {
    std::vector<double> distances(static_cast<size_t>(source.rows * kMatrixSteps));
    const auto ratio_of = [](int step) { return float(1.0 - double(step) / kMatrixGrid); };
    for_rows(pool, [&](int64_t row, const float* x) {
      for (int64_t group = 0; group < groups; ++group) {
        float smallest, largest;
        line.range(x + group * group_size, group_length(group), &smallest, &largest);
        for (int step = 0; step < kMatrixSteps; ++step) {
          const qw_rtn_grid grid = qw_rtn_fit(&options, smallest, largest, ratio_of(step));
          distances[size_t(row * kMatrixSteps + step)] += line.distance(x + group * group_size, group_length(group), &grid, QW_RTN_SQUARE);
        }
      }
    });
    int best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (int step = 0; step < kMatrixSteps; ++step) {
      double sum = 0;
      for (int64_t row = 0; row < source.rows; ++row) sum += distances[size_t(row * kMatrixSteps + step)];
      if (sum < least) least = sum, best = step;
    }
    return ratio_of(best);
  }
};

}  // namespace

qw_status qw_rtn_plan(const qw_rtn_options* options, int64_t rows, int64_t cols, int* is_signed, int64_t* groups) {
  const bool inc = options->dialect == QW_RTN_INC;
  if (rows < 1 || cols < 1) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: a matrix of %lld x %lld has nothing to round", (long long)rows, (long long)cols);
  }
  if (options->dialect < QW_RTN_INSTANT_QUANT || options->dialect > QW_RTN_DASHINFER_CPU) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: unknown dialect %d", int(options->dialect));
  }
  if (options->bits != 2 && options->bits != 3 && options->bits != 4 && options->bits != 8) {
    return qw_error(QW_UNSUPPORTED, "rtn: %d bits; 2, 3, 4 and 8 are supported", options->bits);
  }
  if (options->group_size != -1 && (options->group_size < 1 || options->group_size > cols)) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: group_size %lld of a matrix with %lld columns; use -1 (one group a row) or 1 to %lld",
                    (long long)options->group_size, (long long)cols, (long long)cols);
  }
  if (options->dialect == QW_RTN_INSTANT_QUANT && options->symmetric) {
    return qw_error(QW_UNSUPPORTED, "rtn: instant_quant weights are asymmetric; use symmetric false, or another dialect");
  }
  if (options->dialect == QW_RTN_DASHINFER_CPU && (options->symmetric || options->bits != 8)) {
    return qw_error(QW_UNSUPPORTED, "rtn: dashinfer_cpu has 8-bit asymmetric weights only; use 8 bits and symmetric false, or another dialect");
  }
  if (options->mse && options->dialect != QW_RTN_IST && options->dialect != QW_RTN_QLLM && !inc) {
    return qw_error(QW_UNSUPPORTED, "rtn: only the dialects ist, qllm and inc search a smaller range (mse)");
  }
  if (options->full_range && !(inc && options->symmetric)) {
    return qw_error(QW_UNSUPPORTED, "rtn: full_range needs the dialect inc and symmetric");
  }
  if (options->quantile != 0 && options->quantile != 1 && !inc) return qw_error(QW_UNSUPPORTED, "rtn: only the dialect inc has a quantile");
  if (!(options->quantile >= 0 && options->quantile <= 1)) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: quantile %g must lie in (0, 1]", double(options->quantile));
  }
  *is_signed = qw_rtn_is_signed(options);
  *groups = options->group_size == -1 ? 1 : (cols + options->group_size - 1) / options->group_size;
  return qw_ok();
}

qw_status qw_rtn(const qw_dense* source, const qw_rtn_options* options, qw_pool* pool, void* codes, float* scale, float* zero,
                 qw_rtn_result* result) {
  int is_signed;
  int64_t groups;
  const qw_status planned = qw_rtn_plan(options, source->rows, source->cols, &is_signed, &groups);
  if (planned.code != QW_OK) return planned;
  try {
    Rounding rounding(*source, *options, qw_rtn_line_in_force());
    rounding.group_size = options->group_size == -1 ? source->cols : options->group_size;
    rounding.groups = groups;
    rounding.is_signed = is_signed;
    rounding.ratio = options->quantile == 0 ? 1.0f : options->quantile;
    rounding.codes = static_cast<uint8_t*>(codes);
    rounding.scale = scale;
    rounding.zero = zero;
    rounding.signal.assign(size_t(source->rows), 0);
    rounding.noise.assign(size_t(source->rows), 0);
    if (options->mse && options->dialect == QW_RTN_INC) rounding.ratio = rounding.search_ratio(pool);
    rounding.for_rows(pool, [&](int64_t row, const float* x) { rounding.round_row(row, x); });
    double signal = 0, noise = 0;
    for (int64_t row = 0; row < source->rows; ++row) {
      signal += rounding.signal[size_t(row)];
      noise += rounding.noise[size_t(row)];
    }
    const int64_t bad = rounding.not_finite.load(), overflow = rounding.overflow.load();
    const bool finite = bad == std::numeric_limits<int64_t>::max();
    result->sqnr_db = noise == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
    result->mse = noise / double(source->rows * source->cols);
    result->not_finite_row = finite ? -1 : bad / source->cols;
    result->not_finite_col = finite ? -1 : bad % source->cols;
    if (overflow != std::numeric_limits<int64_t>::max()) {
      static const char* const names[] = {"f32", "f16", "bf16"};
      return qw_error(QW_UNSUPPORTED, "rtn: the scale or zero of row %lld, group %lld is too large for %s; keep scales in a wider type",
                      (long long)(overflow / groups), (long long)(overflow % groups), names[options->scale_type]);
    }
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "rtn: no memory for the row buffers of a %lld x %lld matrix", (long long)source->rows,
                    (long long)source->cols);
  }
  return qw_ok();
}
