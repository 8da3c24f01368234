// Rounds W [rows, cols] to the nearest of 16 values times a scale per row and group of columns: NF4 and FP4, as two tools do it.
//
//   inc           scale = absmax * quantile / largest value;  x = w / scale;   the value between whose midpoints x lies, a midpoint going down
//   bitsandbytes  scale = absmax;                             x = w * (1 / scale); the same with values in -1..1
//
// Sources: intel/neural-compressor adaptor/torch_utils/weight_only.py :: quantize_4bit, search_clip; bitsandbytes functional.py :: quantize_4bit
// (its blocks run over the flattened matrix: the same where group_size divides the row). f32 arithmetic in their order.
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_table4_type { QW_NF4 = 0, QW_FP4 = 1 } qw_table4_type;
typedef enum qw_table4_dialect { QW_TABLE4_INC = 0, QW_TABLE4_BITSANDBYTES = 1 } qw_table4_dialect;

typedef struct qw_table4_options {
  qw_table4_type type;
  qw_table4_dialect dialect;
  int64_t group_size;  // -1: the whole row; the last group of a row may be shorter
  int mse;             // inc: one clip ratio for the matrix, 1 - i / 200 in 40 steps, by squared error
  qw_type scale_type;  // returned scales are rounded to it; codes are computed before that
} qw_table4_options;

// The values that codes 0..15 stand for. FP4 of bitsandbytes is in the order of its bits; the others rise, FP4 of inc with its largest value twice.
void qw_table4_values(qw_table4_type type, qw_table4_dialect dialect, float values[16]);

qw_status qw_table4_plan(const qw_table4_options* options, int64_t rows, int64_t cols, int64_t* groups);

// codes [ceil(rows * cols / 2)]: two a byte, the first in the high nibble; scale [rows, groups]. Parallel over pairs of rows.
qw_status qw_table4_round(const qw_dense* source, const qw_table4_options* options, qw_pool* pool, uint8_t* codes, float* scale,
                          qw_rtn_result* result);

#ifdef __cplusplus
}
#endif
