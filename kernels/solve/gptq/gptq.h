// GPTQ: rounds W [rows, width] column by column so that every rounding error is made up for by the columns that follow, as the Hessian
// H = X^T X of the layer's inputs says. Source: Frantar et al. 2022, algorithm 1; AutoGPTQ gptq.py :: GPTQ.fasterquant.
// Two steps, because layers that read the same input share the first: a factor is made of H once, and each matrix is solved with it.
#pragma once
#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_gptq_factor_options {
  double scale;         // of H, > 0: 2 / samples makes X^T X the reference's. Matters for the loss, and for where columns without input go
  double damp_percent;  // part of the mean diagonal that is added to the diagonal, 0 < p < 1
  int desc_act;         // order columns by falling diagonal of H
  int damp_first;       // damp and order before columns without input are set to 1 (SpQR), not after
} qw_gptq_factor_options;

typedef struct qw_gptq_factor_result {
  double damp_percent;  // what it took: doubled until the factorization succeeds
  int64_t dead;         // columns whose input is always 0
} qw_gptq_factor_result;

// f32 elements of the factor of a Hessian [width, width].
int64_t qw_gptq_factor_size(int64_t width);

// hessian [width, width] f32, symmetric; only its lower triangle is read.
//   factor: U with inverse(H') = U^T U, U upper triangular and H' damped and in the order of columns; see factor.h for the layout.
//   order [width]: column at every place of that order. dead [width]: 1 where the diagonal of H is 0.
// Fails when H is not finite, and when no damping below 1 makes it positive definite.
qw_status qw_gptq_factor(const float* hessian, int64_t width, const qw_gptq_factor_options* options, qw_pool* pool, float* factor,
                         int32_t* order, uint8_t* dead, qw_gptq_factor_result* result);
// The same of a triangle of qw_hessian_size(width) elements (observe/triangle.h), which the factor takes the place of. After a failure it is neither.
qw_status qw_gptq_factor_in_place(float* triangle, int64_t width, const qw_gptq_factor_options* options, qw_pool* pool, int32_t* order, uint8_t* dead,
                                  qw_gptq_factor_result* result);

typedef struct qw_gptq_options {
  int bits;            // 2 to 8
  int symmetric;       // the grid is that of QW_RTN_IST: unsigned codes, symmetric zero 2^(bits-1)
  int64_t group_size;  // -1: the whole row; the last group may be shorter
  int mse;             // search a smaller range for every group
  int static_groups;   // fit groups before any error is moved, on columns in their own order
  qw_type scale_type;  // scales are rounded to it before codes are made, so that this error is made up for too
} qw_gptq_options;

typedef struct qw_gptq_result {
  double loss;             // sum ((w - w') / U[i, i])^2 / 2, as AutoGPTQ
  double sqnr_db, mse;     // of the weights, as qw_rtn_result
  int64_t not_finite_row;  // first weight that is NaN or infinite; -1: none. Codes are not meaningful then.
  int64_t not_finite_col;
} qw_gptq_result;

// codes [rows, width] unsigned, in the matrix's own order of columns; scale and zero [rows, groups]; g_idx [width]: group of every column.
// `factor`, `order` and `dead` are what qw_gptq_factor gave for width = source->cols; order must be a permutation. Parallel over rows.
qw_status qw_gptq_solve(const qw_dense* source, const float* factor, const int32_t* order, const uint8_t* dead,
                        const qw_gptq_options* options, qw_pool* pool, uint8_t* codes, float* scale, float* zero, int32_t* g_idx,
                        qw_gptq_result* result);

// Checks the options and says how many groups a row has.
qw_status qw_gptq_plan(const qw_gptq_options* options, int64_t rows, int64_t cols, int64_t* groups);

#ifdef __cplusplus
}
#endif
