// Matrices in parallel over rows, statistics over ranges of columns: every result is computed by one task, so that it does not depend on their number.
#include "solve/edit/edit.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"

namespace {

constexpr int64_t kTaskWeights = 64 * 1024;
constexpr int64_t kColumns = 256;       // of a task: four cache lines of bf16 a row
constexpr int64_t kChunk = 256 * 1024;  // elements of a partial sum

const char* row_of(const qw_dense& source, int64_t row) {
  return static_cast<const char*>(source.data) + row * source.cols * int64_t(qw_type_bytes(source.type));
}

void edit_row(const qw_edit& edit, int64_t row, int64_t cols, float* w) {
  if (edit.columns != nullptr) {
    for (int64_t c = 0; c < cols; ++c) w[c] *= edit.columns[c];
  }
  if (edit.rows != nullptr) {
    const float by = edit.rows[row];
    for (int64_t c = 0; c < cols; ++c) w[c] *= by;
  }
  if (edit.clip == nullptr) return;
  const int64_t size = edit.group_size == -1 ? cols : edit.group_size, groups = (cols + size - 1) / size;
  for (int64_t g = 0; g < groups; ++g) {
    const float high = edit.clip[row * groups + g], low = edit.low == nullptr ? -high : edit.low[row * groups + g];
    const int64_t end = std::min(cols, (g + 1) * size);
    // NaN passes: the quantizer names it.
    for (int64_t c = g * size; c < end; ++c) w[c] = w[c] > high ? high : w[c] < low ? low : w[c];
  }
}

}  // namespace

qw_status qw_edit_matrix(const qw_dense* source, const qw_edit* edit, int64_t first_row, int64_t row_count, qw_pool* pool, float* out) {
  const int64_t cols = source->cols;
  if (first_row < 0 || row_count < 0 || first_row + row_count > source->rows) {
    return qw_error(QW_INVALID_ARGUMENT, "edit: rows %lld to %lld of a matrix of %lld rows", (long long)first_row,
                    (long long)(first_row + row_count), (long long)source->rows);
  }
  if (edit->clip != nullptr && (edit->group_size < -1 || edit->group_size == 0)) {
    return qw_error(QW_INVALID_ARGUMENT, "edit: group_size %lld; it must be -1 or positive", (long long)edit->group_size);
  }
  qw_widen_line_function* widen = qw_widen_line();
  qw::parallel(pool, row_count, std::max<int64_t>(1, kTaskWeights / std::max<int64_t>(1, cols)), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      float* w = out + r * cols;
      widen(source->type, row_of(*source, first_row + r), cols, w);
      edit_row(*edit, first_row + r, cols, w);
    }
  });
  return qw_ok();
}

qw_status qw_column_magnitudes(const qw_dense* source, qw_column_statistic statistic, qw_pool* pool, float* out) {
  const int64_t cols = source->cols, rows = source->rows, bytes = int64_t(qw_type_bytes(source->type));
  qw_widen_line_function* widen = qw_widen_line();
  qw::parallel(pool, (cols + kColumns - 1) / kColumns, 1, [=](int64_t begin, int64_t end, int) {
    float line[kColumns];
    double sum[kColumns];
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = part * kColumns, count = std::min(kColumns, cols - first);
      float* largest = out + first;
      std::fill(largest, largest + count, 0.0f);
      std::fill(sum, sum + count, 0.0);
      for (int64_t r = 0; r < rows; ++r) {
        widen(source->type, row_of(*source, r) + first * bytes, count, line);
        if (statistic == QW_COLUMN_MEAN) {
          for (int64_t c = 0; c < count; ++c) sum[c] += double(std::fabs(line[c]));
        } else {
          for (int64_t c = 0; c < count; ++c) {
            const float value = std::fabs(line[c]);
            if (!(value <= largest[c])) largest[c] = std::isnan(largest[c]) ? largest[c] : value;
          }
        }
      }
      if (statistic == QW_COLUMN_MEAN) {
        for (int64_t c = 0; c < count; ++c) largest[c] = float(sum[c] / double(rows));
      }
    }
  });
  return qw_ok();
}

qw_status qw_group_ranges(const qw_dense* source, int64_t group_size, qw_pool* pool, float* low, float* high) {
  const int64_t cols = source->cols, size = group_size == -1 ? cols : group_size;
  if (size < 1) return qw_error(QW_INVALID_ARGUMENT, "edit: group_size %lld; it must be -1 or positive", (long long)group_size);
  const int64_t groups = (cols + size - 1) / size;
  qw_widen_line_function* widen = qw_widen_line();
  qw::parallel(pool, source->rows, std::max<int64_t>(1, kTaskWeights / std::max<int64_t>(1, cols)), [=](int64_t begin, int64_t end, int) {
    float line[kColumns];
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t g = 0; g < groups; ++g) {
        float least = 0, most = 0;
        const int64_t last = std::min(cols, (g + 1) * size);
        for (int64_t first = g * size; first < last; first += kColumns) {
          const int64_t count = std::min(kColumns, last - first);
          widen(source->type, row_of(*source, r) + first * int64_t(qw_type_bytes(source->type)), count, line);
          for (int64_t c = 0; c < count; ++c) least = std::min(least, line[c]), most = std::max(most, line[c]);
        }
        low[r * groups + g] = least;
        high[r * groups + g] = most;
      }
    }
  });
  return qw_ok();
}

double qw_mean_squared_error(const float* a, const float* b, int64_t count, qw_pool* pool) {
  std::vector<double> partial(size_t((count + kChunk - 1) / kChunk));
  qw::parallel(pool, int64_t(partial.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      // Four sums, so that the additions do not wait for each other.
      double sum[4] = {};
      const int64_t last = std::min(count, (chunk + 1) * kChunk);
      for (int64_t i = chunk * kChunk; i < last; ++i) {
        const double difference = double(a[i]) - double(b[i]);
        sum[i & 3] += difference * difference;
      }
      partial[size_t(chunk)] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
  });
  double total = 0;
  for (double sum : partial) total += sum;
  return total / double(count);
}
