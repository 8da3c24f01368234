// Two rows a step, so that no byte of codes is shared between tasks. Cost: 15 comparisons a weight, 4 weights at once by the compiler.
#include "solve/table4/table4.h"

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
#include "solve/rtn/group.h"

namespace {

constexpr int64_t kTaskWeights = 64 * 1024;
constexpr int kSteps = 40, kGrid = 200;

// Quantiles of a normal distribution (Dettmers et al. 2023, QLoRA, appendix E).
constexpr float kNf4[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
                            -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
                            0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};
// In twelfths of the largest; 15 values.
constexpr float kFp4[15] = {-12, -8, -6, -4, -3, -2, -0.0625f, 0, 0.0625f, 2, 3, 4, 6, 8, 12};
// bitsandbytes has zero twice: what is not above 0 takes the first.
constexpr float kFp4Twice[16] = {-12, -8, -6, -4, -3, -2, -0.0625f, 0, 0, 0.0625f, 2, 3, 4, 6, 8, 12};
constexpr uint8_t kFp4Code[16] = {11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3};

// Values that rise, the midpoints between them, and the code of each.
struct Grid {
  int count;
  float middle[15];
  uint8_t code[16];
  float value[16];
  bool divides;   // x = w / scale with scale = absmax * ratio / largest; else x = w * (1 / absmax)
  float largest;
};

Grid grid_of(const qw_table4_options& options) {
  Grid grid{};
  const bool nf4 = options.type == QW_NF4;
  grid.divides = options.dialect == QW_TABLE4_INC;
  grid.count = nf4 || !grid.divides ? 16 : 15;
  for (int i = 0; i < grid.count; ++i) {
    // bitsandbytes has its FP4 in units of the largest value.
    const double value = nf4 ? double(kNf4[i]) : grid.divides ? double(kFp4[i]) : double(kFp4Twice[i]) / 12.0;
    grid.value[i] = float(value);
    grid.code[i] = uint8_t(!nf4 && !grid.divides ? kFp4Code[i] : i);
  }
  for (int i = 0; i + 1 < grid.count; ++i) {
    grid.middle[i] = grid.divides ? float((double(grid.value[i]) + double(grid.value[i + 1])) / 2) : (grid.value[i] + grid.value[i + 1]) / 2.0f;
  }
  grid.largest = grid.value[grid.count - 1];
  return grid;
}

struct Rounding {
  const qw_dense& source;
  const qw_table4_options& options;
  const Grid grid;
  int64_t group_size, groups;
  uint8_t* codes = nullptr;
  float* scale = nullptr;
  float ratio = 1;
  std::vector<double> signal, noise;  // per row, so that the sums do not depend on the order of tasks
  std::atomic<int64_t> not_finite{qw::kNoPlace}, overflow{qw::kNoPlace};

  Rounding(const qw_dense& matrix, const qw_table4_options& wanted, int64_t count)
      : source(matrix),
        options(wanted),
        grid(grid_of(wanted)),
        group_size(wanted.group_size == -1 ? matrix.cols : wanted.group_size),
        groups(count),
        signal(size_t(matrix.rows)),
        noise(size_t(matrix.rows)) {}

  bool read(int64_t row, float* x) {
    const char* bytes = static_cast<const char*>(source.data) + row * source.cols * qw_type_bytes(source.type);
    qw_widen_line()(source.type, bytes, source.cols, x);
    if (qw_rtn_line_in_force().magnitude(x, source.cols) < 0x7f800000u) return true;
    int64_t column = 0;
    while (std::isfinite(x[column])) ++column;
    qw::lower(not_finite, row * source.cols + column);
    return false;
  }

  float scale_of(float absmax, float by) const { return grid.divides ? absmax * by / grid.largest : absmax; }

  // Places on the grid. A group of zeros, whose scale is 0, has them at the value 0.
  void places(const float* x, int64_t count, float of, uint8_t* out) const {
    const float inverse = 1.0f / of;
    for (int64_t i = 0; i < count; ++i) {
      const float at = of == 0 ? 0.0f : grid.divides ? x[i] / of : x[i] * inverse;
      int place = 0;
      for (int m = 0; m + 1 < grid.count; ++m) place += at > grid.middle[m];
      out[i] = uint8_t(place);
    }
  }

  static float absmax_of(const float* x, int64_t count) {
    return qw_float_from_bits(qw_rtn_line_in_force().magnitude(x, count));
  }

  // visit(group, x, count)
  template <typename Visit>
  void each_group(const float* x, const Visit& visit) const {
    for (int64_t group = 0; group < groups; ++group) visit(group, x + group * group_size, std::min(group_size, source.cols - group * group_size));
  }

  void round_row(int64_t row, const float* x, uint8_t* place) {
    each_group(x, [&](int64_t group, const float* values, int64_t count) {
      const float of = scale_of(absmax_of(values, count), ratio), kept = qw_round_to_type(options.scale_type, of);
      uint8_t* out = place + group * group_size;
      places(values, count, of, out);
      scale[row * groups + group] = kept;
      if (!std::isfinite(kept)) qw::lower(overflow, row * groups + group);
      for (int64_t i = 0; i < count; ++i) {
        const double difference = double(values[i]) - double(grid.value[out[i]] * kept);
        signal[size_t(row)] += double(values[i]) * double(values[i]);
        noise[size_t(row)] += difference * difference;
        out[i] = grid.code[out[i]];
      }
    });
  }

  void round_all(qw_pool* pool) {
    const int64_t cols = source.cols, pairs = (source.rows + 1) / 2;
    qw::parallel(pool, pairs, std::max<int64_t>(1, kTaskWeights / (2 * cols)), [&](int64_t begin, int64_t end, int) {
      std::vector<float> x(static_cast<size_t>(cols));
      std::vector<uint8_t> place(size_t(2 * cols + 1));
      for (int64_t pair = begin; pair < end; ++pair) {
        const int64_t count = std::min<int64_t>(2, source.rows - 2 * pair) * cols;
        for (int64_t row = 2 * pair; row < 2 * pair + 2 && row < source.rows; ++row) {
          if (read(row, x.data())) round_row(row, x.data(), place.data() + (row - 2 * pair) * cols);
        }
        place[size_t(count)] = 0;
        uint8_t* out = codes + pair * cols;
        for (int64_t i = 0; i < count; i += 2) out[i / 2] = uint8_t(place[size_t(i)] << 4 | place[size_t(i + 1)]);
      }
    });
  }

  // The clip ratio with the least squared error over the whole matrix.
  void search(qw_pool* pool) {
    const int64_t cols = source.cols;
    std::vector<double> distances(static_cast<size_t>(source.rows * kSteps));
    qw::parallel(pool, source.rows, std::max<int64_t>(1, kTaskWeights / cols / kSteps), [&](int64_t begin, int64_t end, int) {
      std::vector<float> x(static_cast<size_t>(cols));
      std::vector<uint8_t> place(static_cast<size_t>(cols));
      for (int64_t row = begin; row < end; ++row) {
        if (!read(row, x.data())) continue;
        each_group(x.data(), [&](int64_t, const float* values, int64_t count) {
          const float absmax = absmax_of(values, count);
          for (int step = 0; step < kSteps; ++step) {
            const float of = scale_of(absmax, float(1.0 - double(step) / kGrid));
            places(values, count, of, place.data());
            for (int64_t i = 0; i < count; ++i) {
              const double difference = double(values[i] - grid.value[place[size_t(i)]] * of);
              distances[size_t(row * kSteps + step)] += difference * difference;
            }
          }
        });
      }
    });
    double least = std::numeric_limits<double>::infinity();
    for (int step = 0; step < kSteps; ++step) {
      double sum = 0;
      for (int64_t row = 0; row < source.rows; ++row) sum += distances[size_t(row * kSteps + step)];
      if (sum < least) least = sum, ratio = float(1.0 - double(step) / kGrid);
    }
  }
};

}  // namespace

void qw_table4_values(qw_table4_type type, qw_table4_dialect dialect, float values[16]) {
  const Grid grid = grid_of({type, dialect, -1, 0, QW_F32});
  for (int i = 0; i < 16; ++i) values[i] = grid.largest;
  for (int i = 0; i < grid.count; ++i) values[grid.code[i]] = grid.value[i];
}

qw_status qw_table4_plan(const qw_table4_options* options, int64_t rows, int64_t cols, int64_t* groups) {
  if (rows < 1 || cols < 1) {
    return qw_error(QW_INVALID_ARGUMENT, "table4: a matrix of %lld x %lld has nothing to round", (long long)rows, (long long)cols);
  }
  if (options->group_size != -1 && (options->group_size < 1 || options->group_size > cols)) {
    return qw_error(QW_INVALID_ARGUMENT, "table4: group_size %lld of a matrix with %lld columns; use -1 (one group a row) or 1 to %lld",
                    (long long)options->group_size, (long long)cols, (long long)cols);
  }
  if (options->mse && options->dialect != QW_TABLE4_INC) return qw_error(QW_UNSUPPORTED, "table4: only the dialect inc searches a smaller range (mse)");
  *groups = options->group_size == -1 ? 1 : (cols + options->group_size - 1) / options->group_size;
  return qw_ok();
}

qw_status qw_table4_round(const qw_dense* source, const qw_table4_options* options, qw_pool* pool, uint8_t* codes, float* scale,
                          qw_rtn_result* result) {
  int64_t groups;
  const qw_status planned = qw_table4_plan(options, source->rows, source->cols, &groups);
  if (planned.code != QW_OK) return planned;
  try {
    Rounding rounding(*source, *options, groups);
    rounding.codes = codes;
    rounding.scale = scale;
    if (options->mse) rounding.search(pool);
    rounding.round_all(pool);
    double signal = 0, noise = 0;
    for (int64_t row = 0; row < source->rows; ++row) signal += rounding.signal[size_t(row)], noise += rounding.noise[size_t(row)];
    const int64_t bad = rounding.not_finite.load(), overflow = rounding.overflow.load();
    result->sqnr_db = noise == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(signal / noise);
    result->mse = noise / double(source->rows * source->cols);
    result->not_finite_row = bad == qw::kNoPlace ? -1 : bad / source->cols;
    result->not_finite_col = bad == qw::kNoPlace ? -1 : bad % source->cols;
    if (overflow != qw::kNoPlace) {
      return qw_error(QW_UNSUPPORTED, "table4: the scale of row %lld, group %lld is too large for f16; keep scales in a wider type",
                      (long long)(overflow / groups), (long long)(overflow % groups));
    }
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "table4: no memory for the row buffers of a %lld x %lld matrix", (long long)source->rows, (long long)source->cols);
  }
}
