#include "solve/rtn/values.h"

#include <algorithm>
#include <new>
#include <vector>

#include "cpu/parallel.h"
#include "solve/rtn/group.h"

// About 4 us of work: less is not worth waking a thread for.
static constexpr int64_t kElementsPerChunk = 16384;

extern "C" qw_status qw_rtn_values(const float* w, int64_t rows, int64_t cols, const float* column, const qw_rtn_options* options, float* out, qw_pool* pool) {
  int is_signed;
  int64_t groups;
  const qw_status planned = qw_rtn_plan(options, rows, cols, &is_signed, &groups);
  if (planned.code != QW_OK) return planned;
  const int64_t group_size = options->group_size == -1 ? cols : options->group_size;
  const float ratio = options->quantile == 0 ? 1.0f : options->quantile;
  const qw_rtn_line& line = qw_rtn_line_in_force();
  try {
    std::vector<uint8_t> codes(size_t(qw_pool_threads(pool) * group_size));
    qw::parallel(pool, rows, std::max<int64_t>(1, kElementsPerChunk / cols), [&](int64_t begin, int64_t end, int thread) {
      uint8_t* own = codes.data() + thread * group_size;
      for (int64_t row = begin; row < end; ++row) {
        const float* from = w + row * cols;
        float* to = out + row * cols;
        for (int64_t c = 0; c < cols; ++c) to[c] = column == nullptr ? from[c] : from[c] * column[c];
        for (int64_t first = 0; first < cols; first += group_size) {
          const int64_t count = std::min(group_size, cols - first);
          const qw_rtn_grid grid = qw_rtn_fit_group(line, *options, to + first, count, ratio);
          line.quantize(to + first, count, &grid, own);
          const float zero = qw_rtn_stored_zero(&grid), scale = qw_rtn_stored_scale(&grid);
          if (is_signed) {
            for (int64_t c = 0; c < count; ++c) to[first + c] = (float(static_cast<int8_t>(own[c])) - zero) * scale;
          } else {
            for (int64_t c = 0; c < count; ++c) to[first + c] = (float(own[c]) - zero) * scale;
          }
        }
      }
    });
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "rtn: no memory for the codes of a row of %lld columns", (long long)cols);
  }
  return qw_ok();
}
