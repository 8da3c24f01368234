// AWQ: what its two searches need of a matrix W [rows, cols]. Source: Lin et al. 2023; casper-hansen/AutoAWQ awq/quantize/quantizer.py.
// Rounding is that of kernels/solve/rtn, with its dialects and bits: a search must try what will be done. Formulas: README.md.
#pragma once
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

// sums [cols]: the sum over rows of |w[r, c]| / (the largest |w| of its group of the row + epsilon); 0 for a group of zeros. group_size -1: the row.
qw_status qw_awq_weight_sums(const qw_dense* source, int64_t group_size, float epsilon, qw_pool* pool, double* sums);

// out [rows, cols] f32: what W is when it is rounded with its columns multiplied by scale [cols], and divided by it again. options.mse is not searched;
// options.quantile shrinks the range of dialect inc.
qw_status qw_awq_fake_quantize(const qw_dense* source, const float* scale, const qw_rtn_options* options, qw_pool* pool, float* out);

typedef struct qw_awq_clip_options {
  int grid;           // steps from the whole range down to 0
  double max_shrink;  // 0..1: int(max_shrink * grid) of them are tried
} qw_awq_clip_options;

// limits [rows, groups]: the clip of every group, m (1 - i / grid) with m its largest |w|, that changes sum w x least when W is clipped and rounded:
// the mean over tokens of (sum over the group of (w' - w) x)^2. x [tokens, cols] as the matrix reads it. Equal errors keep the wider range.
// Memory: one group at a time: min(group, tokens) * group floats, and panels of a few rows per thread.
qw_status qw_awq_clip(const qw_dense* source, const float* x, int64_t tokens, const qw_rtn_options* rounding, const qw_awq_clip_options* options,
                      qw_pool* pool, float* limits);

#ifdef __cplusplus
}
#endif
