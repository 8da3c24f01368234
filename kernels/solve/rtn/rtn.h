// Round-to-nearest quantization of one matrix W [rows, cols]: one scale and zero per row and group of `group_size` columns,
// w' = (code - zero) * scale. Reads f32, f16 or bf16 where it lies, a row at a time; never makes an f32 copy of the matrix.
// The dialects are those of published quantizers. They disagree on the same weights, so the arithmetic order of each is kept exactly
// (f32, IEEE division, half-even rounding, no FMA).
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_rtn_dialect {
  QW_RTN_INSTANT_QUANT = 0,       // DashInfer: float zero, range not extended to 0, clamp before round; always asymmetric
  QW_RTN_IST = 1,                 // GPTQ and AutoGPTQ quantizer: unsigned codes, symmetric zero 2^(bits-1)
  QW_RTN_QLLM = 2,                // qllm-infer: symmetric is signed with absmax / (2^(bits-1) - 1)
  QW_RTN_INC = 3,                 // Intel Neural Compressor
  QW_RTN_AWQ = 4,                 // AutoAWQ pseudo_quantize_tensor
  QW_RTN_COMPRESSED_TENSORS = 5,  // signed codes, symmetric absmax / ((2^bits - 1) / 2)
  QW_RTN_DASHINFER_CPU = 6,       // DashInfer's CPU operator: clamped zero, halves away from zero; 8 bits, always asymmetric
  QW_RTN_ZEROQUANT = 7,           // DeepSpeed: range / 2^bits, zero not clamped to the codes; 2 bits are ternary, 1 bit is binary: symmetric only
} qw_rtn_dialect;

typedef struct qw_rtn_options {
  qw_rtn_dialect dialect;
  int bits;            // 2 to 8; zeroquant also 1 (codes -1, 0 and 1, so that 0 stays 0)
  int symmetric;
  int is_signed;       // instant_quant, dashinfer_cpu: codes -2^(bits-1).. (else 0..2^bits-1); the other dialects decide themselves
  int64_t group_size;  // -1: the whole row; the last group of a row may be shorter
  int mse;             // ist, qllm: range per group, 80 steps, norm 2.4; inc: one clip ratio for the matrix, 40 steps, squared error
  int full_range;      // inc, symmetric
  float quantile;      // inc: clip ratio, 0 < q <= 1; 0 means 1
  qw_type scale_type;  // returned scale and zero are rounded to it; codes are computed before that
} qw_rtn_options;

typedef struct qw_rtn_result {
  double sqnr_db;          // 10 log10(sum w^2 / sum (w - w')^2) with the rounded scale and zero; +infinity when exact
  double mse;              // mean of (w - w')^2
  int64_t not_finite_row;  // first weight that is NaN or infinite; -1: none. Codes are not meaningful then.
  int64_t not_finite_col;
} qw_rtn_result;

// Checks the options and says what qw_rtn will write: whether codes are int8 (else uint8) and how many groups a row has.
qw_status qw_rtn_plan(const qw_rtn_options* options, int64_t rows, int64_t cols, int* is_signed, int64_t* groups);

// codes [rows, cols], one per byte; scale and zero [rows, groups]. Parallel over rows.
// Fails when a scale or zero does not fit scale_type (names the row and group).
qw_status qw_rtn(const qw_dense* source, const qw_rtn_options* options, qw_pool* pool, void* codes, float* scale, float* zero,
                 qw_rtn_result* result);

#ifdef __cplusplus
}
#endif
