// Binary-coding quantization (BCQ) of one matrix W [rows, cols]: per row and group of `group_size` columns
//
//   w' = q_bias + sum over bits i of alpha[i] * b[i],   b[i] = +1 or -1
//
// The sign matrices are kept as bit planes in the order of LUT-GEMM's kernel, which is also how they are stored:
//
//   planes  uint32 [ceil(cols / 32)][bits][rows]   bit k % 32 of word k / 32: the sign of column k, 1 = +alpha; past the last column 0
//   alpha   f32 [groups][bits][rows]               groups = ceil(cols / group_size); the last group of a row may be shorter
//   q_bias  f32 [groups][rows]                     only from affine codes
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QW_BCQ_MOST_BITS = 4 };

typedef struct qw_bcq_options {
  int bits;            // 1 to 4
  int64_t group_size;  // -1: the whole row
  int rounds;          // 0: greedy; 1: refined; from 2 on: alternating; not used for 1 bit
  int use_bst;         // signs of a round: the nearest of the 2^bits sums; 0: greedily, bit by bit
  qw_type alpha_type;  // alpha is rounded to it; signs are chosen before that
} qw_bcq_options;

typedef struct qw_bcq_result {
  double sqnr_db;          // 10 log10(sum w^2 / sum (w - w')^2) with the rounded alpha; +infinity when exact
  double mse;              // mean of (w - w')^2
  int64_t not_finite_row;  // first weight that is NaN or infinite; -1: none. Planes are not meaningful then.
  int64_t not_finite_col;
} qw_bcq_result;

// Checks the options and says how many groups a row has.
qw_status qw_bcq_plan(const qw_bcq_options* options, int64_t rows, int64_t cols, int64_t* groups);

// Solves row by row, parallel over the pool. Equal planes and alphas at every instruction set and number of threads. Fails when an alpha
// does not fit alpha_type (names the row and group).
qw_status qw_bcq(const qw_dense* source, const qw_bcq_options* options, qw_pool* pool, uint32_t* planes, float* alpha, qw_bcq_result* result);

// Affine codes as BCQ, exactly: alpha[i] = scale * 2^(i - 1), q_bias = sum of alpha - scale * zero, b[i] = 2 * bit i of the code - 1, lowest
// bit first. codes.layout is QW_CODES_BYTES; scale and zero are [rows, groups]; codes of g_idx stay in the order of the columns.
// Refuses codes beyond `bits` bits.
qw_status qw_bcq_from_codes(const qw_affine* affine, int bits, qw_pool* pool, uint32_t* planes, float* alpha, float* q_bias);

#ifdef __cplusplus
}
#endif
