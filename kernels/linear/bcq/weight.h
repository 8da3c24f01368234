// A BCQ weight as it is stored, to be packed: w = q_bias + sum over bits of alpha[bit] * (+1 or -1), in the order of LUT-GEMM's kernel.
#pragma once
#include "abi/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

// data may be unaligned (a mapped file). groups = ceil(cols / group_size); group_size is 1..cols here (never -1).
typedef struct qw_bcq_stored {
  int64_t rows, cols, group_size;
  int bits;              // 1 to 4
  const void* planes;    // uint32 [ceil(cols / 32)][bits][rows]: bit k % 32 of word k / 32 is the sign of column k, 1 = +alpha
  qw_type alpha_type;
  const void* alpha;     // [groups][bits][rows]
  qw_type bias_type;
  const void* q_bias;    // [groups][rows] or NULL
  const int32_t* g_idx;  // [cols] or NULL: group of every column
} qw_bcq_stored;

// Everything is copied into the packed form (parallel over the pool).
qw_status qw_weight_bcq(const qw_bcq_stored* stored, qw_pool* pool, qw_weight** out);

#ifdef __cplusplus
}
#endif
