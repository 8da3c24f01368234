// What round-to-nearest makes of a matrix, as weights: w' = (code - zero) * scale of x_ij = w_ij * column_j, without codes or parameters. For methods that train
// with rounded weights (TEQ: algorithms section 6; Intel Neural Compressor, model_wrapper.py :: TEQLinearFakeQuant).
#pragma once
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

// w, out [rows, cols] f32, out may not be w; column [cols], NULL: all 1. Scales stay f32 (scale_type is not looked at), mse searches inc's ratio not at all.
// Parallel over rows. All levels give the same bits.
qw_status qw_rtn_values(const float* w, int64_t rows, int64_t cols, const float* column, const qw_rtn_options* options, float* out, qw_pool* pool);

#ifdef __cplusplus
}
#endif
