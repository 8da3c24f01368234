// SpQR: codes of W [rows, cols] in small groups whose scales and zeros are quantized themselves, and the few weights that would cost most kept
// apart as sparse 16-bit values; errors move on to later columns as in GPTQ. Source: Dettmers et al. 2023; Vahe1994/SpQR spqr_engine.py ::
// SPQRUtil.quantize, quant_groups.py :: Quantizer. The factor is that of solve/gptq, made with damp_first.
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_spqr_options {
  int bits;                  // of the codes, 2 to 4
  int64_t group_size;        // divides 128 or is a multiple of it, or -1: the whole row; the last group may be shorter
  int symmetric;             // zero = 2^(bits-1)
  int round_zero;            // zeros are rounded before they are quantized
  int scale_bits, zero_bits;  // of the quantized scales and zeros, 1 to 8; both 0: they stay floats
  int zero_symmetric;        // zeros are quantized around 0
  int64_t stat_group;        // rows whose scales (and zeros) at one group share a second-level scale and zero: divides 32
  int simplified;            // groups are fitted on all their weights, outliers or not
  double outlier_threshold;  // relative to mean(var(W[:, j]) / U_jj^2); infinite: no outliers
  double target_bits;        // > 0: the threshold is searched instead, so that average_bits comes to it
  qw_type stat_type;         // second-level scales and zeros (or the floats) are rounded to it before codes are made
  qw_type value_type;        // outlier values likewise
} qw_spqr_options;

// w = (code - zero) * scale + outlier, with scale = scale_step * (scale_code - scale_zero) and zero = zero_step * (zero_code - zero_zero).
typedef struct qw_spqr_matrix {
  uint8_t* codes;                    // [rows, cols], in the matrix's own order of columns
  uint8_t *scale_codes, *zero_codes;  // [rows, groups]; not touched when they stay floats
  float *scale_step, *scale_zero;    // [stat_groups, groups], stat_groups = ceil(rows / stat_group)
  float *zero_step, *zero_zero;
  float *scale, *zero;               // [rows, groups]: what the codes give back, or the floats that they stay
  int32_t* g_idx;                    // [cols] group of every column
} qw_spqr_matrix;

typedef struct qw_spqr_result {
  double threshold;        // absolute: what squared errors (w - w')^2 / U_jj^2 are compared with
  double relative_threshold;
  double average_bits;     // bits + (scale_bits + zero_bits) / group + 64 / (group * stat_group) + 32 * outliers a weight
  double loss;             // sum of squared errors / 2 over weights that are no outliers
  double sqnr_db, mse;     // of the weights
  int64_t not_finite_row, not_finite_col;  // -1: none
  int64_t outliers;
  int32_t* row_begin;      // [rows + 1]; freed by qw_spqr_free
  int32_t* columns;        // [outliers], rising in a row
  float* values;           // [outliers]: what is added to the weight of the code
} qw_spqr_result;

qw_status qw_spqr_plan(const qw_spqr_options* options, int64_t rows, int64_t cols, int64_t* groups, int64_t* stat_groups);

// Bits a weight by the formula of average_bits.
double qw_spqr_bits(const qw_spqr_options* options, int64_t rows, int64_t cols, int64_t outliers);

// `factor`, `order`, `dead`: of qw_gptq_factor for width = source->cols. Parallel over rows; the result does not depend on threads.
qw_status qw_spqr_solve(const qw_dense* source, const float* factor, const int32_t* order, const uint8_t* dead,
                        const qw_spqr_options* options, qw_pool* pool, const qw_spqr_matrix* out, qw_spqr_result* result);
void qw_spqr_free(qw_spqr_result* result);

#ifdef __cplusplus
}
#endif
