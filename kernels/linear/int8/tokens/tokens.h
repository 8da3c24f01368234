// Rows of activations -> codes of a byte, a scale and a zero: every rule of activations.h that looks at one row at a time. Used by each
// codec that multiplies integers.
#pragma once
#include <stdint.h>

#include "linear/int8/activations.h"

#ifdef __cplusplus
extern "C" {
#endif

// x[k] is (q[k] - zero) * scale.
typedef struct qw_int8_token {
  float scale;
  int32_t sum;  // of q
  double zero;  // whole; 0 for symmetric rules, any size for zeroquant's
} qw_int8_token;

// One row of x -> q[cols], signed: codes of 0 to 2^bits - 1 are kept less 2^(bits-1). Kinds token and tensor. The same at every level.
// A row with NaN or infinity, or whose scale overflows, gets NaN as scale and zeros as q, so that its products are NaN.
qw_int8_token qw_int8_quantize(const qw_activations* activations, const float* x, int64_t cols, int8_t* q);

// Whether rows can have a zero other than 0: their products need the sums of the weights.
int qw_int8_has_zeros(const qw_activations* activations);

// What a row is rounded by, once its range is known: q = rint(clamp(v, low, high)) + add with v = divide ? (x - shift) / step : x * step.
typedef struct qw_int8_rounding {
  int divide;
  float shift, step, low, high;
  int add;
} qw_int8_rounding;

typedef struct qw_int8_range {
  float least, most;   // undefined with NaN in the row
  uint32_t magnitude;  // largest bits of |x|: of NaN and infinity at least those of infinity
} qw_int8_range;

// The versions of an instruction set.
typedef struct qw_int8_tokens {
  qw_int8_range (*range)(const float* x, int64_t cols);
  int32_t (*round)(const float* x, int64_t cols, const qw_int8_rounding* rounding, int8_t* q);  // sum of q
} qw_int8_tokens;

extern const qw_int8_tokens qw_int8_tokens_serial;
extern const qw_int8_tokens qw_int8_tokens_avx2;
extern const qw_int8_tokens qw_int8_tokens_avx512;
extern const qw_int8_tokens qw_int8_tokens_neon;

#ifdef __cplusplus
}
#endif
