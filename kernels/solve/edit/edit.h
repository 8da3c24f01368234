// Changes of a weight matrix that keep a block's function when what comes before it is changed the other way, made before the matrix is rounded:
//   w'[r, c] = clamp(w[r, c] * columns[c] * rows[r], low[r, c / group_size], clip[r, c / group_size])
// and the statistics of columns that such changes are computed from. Reads f32, f16 or bf16 where it lies. Cost: one pass over memory each.
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_edit {
  const float* columns;  // [cols] or null
  const float* rows;     // [source rows] or null
  const float* clip;     // [source rows, ceil(cols / group_size)] or null; not negative
  const float* low;      // of the same shape, or null: -clip
  int64_t group_size;    // of clip; -1: the whole row
} qw_edit;

// out [row_count, cols] f32: rows [first_row, first_row + row_count) of the edited matrix, so that callers can go through a large one in bands.
qw_status qw_edit_matrix(const qw_dense* source, const qw_edit* edit, int64_t first_row, int64_t row_count, qw_pool* pool, float* out);

typedef enum qw_column_statistic { QW_COLUMN_MAX = 0, QW_COLUMN_MEAN = 1 } qw_column_statistic;

// out [cols] f32: the largest or the mean |x| of every column (sums in f64). NaN and infinity stay visible.
qw_status qw_column_magnitudes(const qw_dense* source, qw_column_statistic statistic, qw_pool* pool, float* out);

// low, high [rows, ceil(cols / group_size)]: the range of every group, with 0 in it. group_size -1: the row.
qw_status qw_group_ranges(const qw_dense* source, int64_t group_size, qw_pool* pool, float* low, float* high);

// Mean of (a[i] - b[i])^2, summed in f64. Equal for every number of threads.
double qw_mean_squared_error(const float* a, const float* b, int64_t count, qw_pool* pool);

#ifdef __cplusplus
}
#endif
