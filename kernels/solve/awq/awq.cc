// Rows in parallel, sums over ranges of columns: each number is computed by one task, so that nothing depends on how many there are.
#include "solve/awq/awq.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "linear/float16.h"
#include "pack/widen/widen.h"
#include "solve/awq/fake.h"

namespace {

constexpr int64_t kTaskWeights = 64 * 1024;
constexpr int64_t kColumns = 256;

const char* row_of(const qw_dense& source, int64_t row) {
  return static_cast<const char*>(source.data) + row * source.cols * qw_type_bytes(source.type);
}

int64_t rows_of_task(int64_t cols) { return std::max<int64_t>(1, kTaskWeights / std::max<int64_t>(1, cols)); }

}  // namespace

qw_status qw_awq_weight_sums(const qw_dense* source, int64_t group_size, float epsilon, qw_pool* pool, double* sums) {
  const int64_t rows = source->rows, cols = source->cols, size = group_size == -1 ? cols : group_size;
  if (size < 1) return qw_error(QW_INVALID_ARGUMENT, "awq: group_size %lld; it must be -1 or positive", (long long)group_size);
  const int64_t groups = (cols + size - 1) / size, bytes = qw_type_bytes(source->type);
  try {
    std::vector<float> largest(size_t(rows * groups));
    qw_widen_line_function* widen = qw_widen_line();
    std::atomic<bool> out_of_memory{false};
    qw::parallel(pool, rows, rows_of_task(cols), [&](int64_t begin, int64_t end, int) {
      try {
        std::vector<float> line(static_cast<size_t>(cols));
        for (int64_t r = begin; r < end; ++r) {
          widen(source->type, row_of(*source, r), cols, line.data());
          for (int64_t g = 0; g < groups; ++g) {
            float most = 0;
            const int64_t last = std::min(cols, (g + 1) * size);
            for (int64_t c = g * size; c < last; ++c) most = std::max(most, std::fabs(line[size_t(c)]));
            largest[size_t(r * groups + g)] = most;
          }
        }
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    });
    if (out_of_memory) throw std::bad_alloc();
    qw::parallel(pool, (cols + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end, int) {
      float line[kColumns];
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = part * kColumns, count = std::min(kColumns, cols - first);
        std::fill(sums + first, sums + first + count, 0.0);
        for (int64_t r = 0; r < rows; ++r) {
          widen(source->type, row_of(*source, r) + first * bytes, count, line);
          for (int64_t c = 0; c < count; ++c) {
            const float most = largest[size_t(r * groups + (first + c) / size)];
            if (most != 0) sums[first + c] += double(std::fabs(line[c]) / (most + epsilon));
          }
        }
      }
    });
    return qw_ok();
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "awq: no memory for the ranges of a %lld x %lld matrix", (long long)rows, (long long)cols);
  }
}

qw_status qw_awq_fake_quantize(const qw_dense* source, const float* scale, const qw_rtn_options* options, qw_pool* pool, float* out) {
  const int64_t rows = source->rows, cols = source->cols;
  qw::FakeQuantize plan;
  const qw_status planned = plan.of(*options, rows, cols);
  if (planned.code != QW_OK) return planned;
  const int64_t size = plan.group_size;
  const float ratio = plan.rounding.quantile == 0 ? 1.0f : plan.rounding.quantile;
  const qw_rtn_line& line = qw_rtn_line_in_force();
  qw_widen_line_function* widen = qw_widen_line();
  std::atomic<bool> out_of_memory{false};
  qw::parallel(pool, rows, rows_of_task(cols), [&](int64_t begin, int64_t end, int) {
    try {
      std::vector<float> scaled(static_cast<size_t>(cols));
      std::vector<uint8_t> codes(static_cast<size_t>(cols));
      for (int64_t r = begin; r < end; ++r) {
        float* row = out + r * cols;
        widen(source->type, row_of(*source, r), cols, scaled.data());
        for (int64_t c = 0; c < cols; ++c) scaled[size_t(c)] *= scale[c];
        for (int64_t first = 0; first < cols; first += size) {
          const int64_t count = std::min(size, cols - first);
          qw::fake_quantize_group(line, plan, ratio, scaled.data() + first, count, codes.data(), row + first);
        }
        for (int64_t c = 0; c < cols; ++c) row[c] /= scale[c];
      }
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  });
  return out_of_memory ? qw_error(QW_OUT_OF_MEMORY, "awq: no memory for a row of %lld weights", (long long)cols) : qw_ok();
}
