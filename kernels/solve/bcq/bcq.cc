// Rows in parallel: widen a row into a buffer of the task, solve its groups, lay the signs into planes, and add up what was lost.
#include "solve/bcq/bcq.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/smallest.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"
#include "solve/bcq/group.h"
#include "solve/bcq/planes.h"

namespace {

// A task takes 16 rows, a line of a plane.
constexpr int64_t kTaskRows = 16;

struct Solving {
  const qw_dense& source;
  const qw_bcq_options& options;
  const qw_bcq_line& line;
  int64_t group_size, groups;
  uint32_t* planes;
  float* alpha;
  std::vector<double> signal, noise;  // per row, so that the sums do not depend on the order of tasks
  std::atomic<int64_t> not_finite{qw::kNoPlace};  // row * cols + col
  std::atomic<int64_t> overflow{qw::kNoPlace};    // row * groups + group

  void add_error(int64_t row, const float* w, int64_t count, const uint8_t* codes, const float* scales) {
    float sums[1 << QW_BCQ_MOST_BITS];
    for (int code = 0; code < 1 << options.bits; ++code) sums[code] = qw_bcq_sum(scales, options.bits, unsigned(code));
    double signal_sum = 0, noise_sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      const double difference = double(w[k]) - double(sums[codes[k]]);
      signal_sum += double(w[k]) * double(w[k]);
      noise_sum += difference * difference;
    }
    signal[size_t(row)] += signal_sum;
    noise[size_t(row)] += noise_sum;
  }

  void solve_row(int64_t row, const float* w, const qw::BcqScratch& scratch, uint8_t* row_codes) {
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t first = group * group_size, count = std::min(group_size, source.cols - first);
      float scales[QW_BCQ_MOST_BITS];
      qw::bcq_solve_group(line, options, w + first, count, scratch, scales);
      std::copy(scratch.codes, scratch.codes + count, row_codes + first);
      for (int i = 0; i < options.bits; ++i) {
        scales[i] = qw_round_to_type(options.alpha_type, scales[i]);
        if (!std::isfinite(scales[i])) qw::lower(overflow, row * groups + group);
        alpha[(group * options.bits + i) * source.rows + row] = scales[i];
      }
      add_error(row, w + first, count, scratch.codes, scales);
    }
    qw_bcq_lay_row(row_codes, source.cols, options.bits, 0, planes + row, source.rows);
  }

  void solve_rows(int64_t begin, int64_t end) {
    const size_t padded = size_t((source.cols + 31) / 32 * 32);
    std::vector<float> w(padded), residual(padded);
    std::vector<uint8_t> codes(padded), before(padded), row_codes(padded);
    for (int64_t row = begin; row < end; ++row) {
      const char* bytes = static_cast<const char*>(source.data) + row * source.cols * qw_type_bytes(source.type);
      qw_widen_line()(source.type, bytes, source.cols, w.data());
      const auto bad = std::find_if(w.begin(), w.begin() + source.cols, [](float value) { return !std::isfinite(value); });
      if (bad != w.begin() + source.cols) {
        qw::lower(not_finite, row * source.cols + (bad - w.begin()));
      } else {
        solve_row(row, w.data(), {residual.data(), codes.data(), before.data()}, row_codes.data());
      }
    }
  }
};

}  // namespace

qw_status qw_bcq_plan(const qw_bcq_options* options, int64_t rows, int64_t cols, int64_t* groups) {
  if (rows < 1 || cols < 1) return qw_error(QW_INVALID_ARGUMENT, "bcq: a matrix of %lld x %lld has nothing to quantize", (long long)rows, (long long)cols);
  if (options->bits < 1 || options->bits > QW_BCQ_MOST_BITS) return qw_error(QW_UNSUPPORTED, "bcq: %d bits; 1, 2, 3 and 4 are supported", options->bits);
  if (options->group_size != -1 && (options->group_size < 1 || options->group_size > cols)) {
    return qw_error(QW_INVALID_ARGUMENT, "bcq: group_size %lld of a matrix with %lld columns; use -1 (one group a row) or 1 to %lld",
                    (long long)options->group_size, (long long)cols, (long long)cols);
  }
  if (options->rounds < 0 || options->rounds > 1000) return qw_error(QW_INVALID_ARGUMENT, "bcq: %d rounds; use 0 to 1000", options->rounds);
  if (options->alpha_type < QW_F32 || options->alpha_type > QW_BF16) return qw_error(QW_INVALID_ARGUMENT, "bcq: unknown alpha type %d", int(options->alpha_type));
  *groups = options->group_size == -1 ? 1 : (cols + options->group_size - 1) / options->group_size;
  return qw_ok();
}

qw_status qw_bcq(const qw_dense* source, const qw_bcq_options* options, qw_pool* pool, uint32_t* planes, float* alpha, qw_bcq_result* result) {
  int64_t groups;
  const qw_status planned = qw_bcq_plan(options, source->rows, source->cols, &groups);
  if (planned.code != QW_OK) return planned;
  try {
    const int64_t group_size = options->group_size == -1 ? source->cols : options->group_size;
    const size_t rows = size_t(source->rows);
    Solving solving{*source, *options, qw::bcq_line_in_force(), group_size, groups, planes, alpha, std::vector<double>(rows), std::vector<double>(rows)};
    const int64_t tasks = (source->rows + kTaskRows - 1) / kTaskRows;
    std::atomic<bool> out_of_memory{false};
    qw::parallel(pool, tasks, 1, [&](int64_t begin, int64_t end, int) {
      try {
        solving.solve_rows(begin * kTaskRows, std::min(end * kTaskRows, source->rows));
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    });
    if (out_of_memory) throw std::bad_alloc();
    double signal = 0, noise = 0;
    for (size_t row = 0; row < rows; ++row) {
      signal += solving.signal[row];
      noise += solving.noise[row];
    }
    const int64_t bad = solving.not_finite.load(), overflow = solving.overflow.load();
    result->sqnr_db = noise == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
    result->mse = noise / double(source->rows * source->cols);
    result->not_finite_row = bad == qw::kNoPlace ? -1 : bad / source->cols;
    result->not_finite_col = bad == qw::kNoPlace ? -1 : bad % source->cols;
    if (overflow != qw::kNoPlace) {
      return qw_error(QW_UNSUPPORTED, "bcq: an alpha of row %lld, group %lld is too large for %s; keep alphas in a wider type",
                      (long long)(overflow / groups), (long long)(overflow % groups), options->alpha_type == QW_F16 ? "f16" : "bf16");
    }
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "bcq: no memory for the row buffers of a %lld x %lld matrix", (long long)source->rows, (long long)source->cols);
  }
  return qw_ok();
}
