// QRazor: round to 8 or 16 bits with one scale a row, then keep the r most significant bits of every group of integers (sdr.h):
// w' = code * 2^shift * scale. Alone, or inside GPTQ, where every column makes up for the errors of those before it.
// Reads f32, f16 or bf16 where it lies; f32 arithmetic in the reference's order.
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"
#include "solve/gptq/gptq.h"
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_qrazor_rule {
  QW_QRAZOR_QLLM = 0,      // qllm-infer, current: a positive value that rounds past the largest code takes that code; -2^(r-1) is used
  QW_QRAZOR_ORIGINAL = 1,  // SJuras/QRazor: values from 2^L - 2^(L-4) on are cut instead of rounded
} qw_qrazor_rule;

// Along which dimension of W [rows, cols] the integers of a group lie.
typedef enum qw_qrazor_axis {
  QW_QRAZOR_INPUTS = 0,   // consecutive columns of a row: shifts [rows, cols / group_size]
  QW_QRAZOR_OUTPUTS = 1,  // consecutive rows of a column: shifts [ceil(rows / group_size), cols]. What GPTQ sees, column by column
} qw_qrazor_axis;

typedef struct qw_qrazor_options {
  int base_bits;  // 8 or 16
  int bits;       // 3, 4 or 8, at most base_bits; 3 with the rule QLLM only
  int64_t group_size;       // 8, 16, 32, 64 or 128; divides cols when groups lie along inputs
  int64_t base_group_size;  // columns of a row that share a scale, a multiple of group_size that divides cols; -1: the row
  qw_qrazor_rule rule;
  qw_qrazor_axis axis;
  int symmetric;   // scale = absmax / (2^(b-1) - 1); else (max - min) / (2^b - 1), which is not affine either: the zero is 0 (activations)
  int comp_aware;  // refit the scale by least squares on the razored integers, then round with it
} qw_qrazor_options;

// Checks the options, and says how many shifts and scales there are.
qw_status qw_qrazor_plan(const qw_qrazor_options* options, int64_t rows, int64_t cols, int64_t* shifts, int64_t* scales);

// codes [rows, cols]; shifts and scales as planned. Groups lie along inputs. Parallel over rows.
qw_status qw_qrazor(const qw_dense* source, const qw_qrazor_options* options, qw_pool* pool, int8_t* codes, uint8_t* shifts, float* scale,
                    qw_rtn_result* result);

// The same inside GPTQ: `factor`, `order` and `dead` are what qw_gptq_factor gave for width = source->cols. One symmetric scale a row, fitted
// on everything. Along outputs, the shifts of a column are those of its values when its turn comes, as in qllm-infer lib/gptq/gptq.py. Along
// inputs, those of a group are found when the first of its columns comes (or on W before all errors, when columns are not in their own order).
qw_status qw_qrazor_gptq(const qw_dense* source, const float* factor, const int32_t* order, const uint8_t* dead, const qw_qrazor_options* options,
                         qw_pool* pool, int8_t* codes, uint8_t* shifts, float* scale, qw_gptq_result* result);

#ifdef __cplusplus
}
#endif
