// How a linear with integer activations quantizes what it reads (native/ts/activations.ts), and how weights for such products are made.
#pragma once
#include "abi/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_activation_kind {
  QW_ACTIVATION_TOKEN = 0,     // a scale for every row of x
  QW_ACTIVATION_TENSOR = 1,    // one scale for all rows, given
  QW_ACTIVATION_OUTLIERS = 2,  // a scale for every row; columns with large values are left out of the integers (LLM.int8())
  QW_ACTIVATION_RAZORED = 3,   // a scale for every row, a shift for every group of columns (QRazor)
} qw_activation_kind;

typedef enum qw_activation_rule {
  QW_ACTIVATION_DASHINFER = 0,    // s = absmax / m, q = rint(clamp(x * (m / absmax), -m - 1, m)), m = 2^(bits-1) - 1
  QW_ACTIVATION_SMOOTHQUANT = 1,  // s = max(absmax, 1e-5) / m, q = rint(x / s)
  QW_ACTIVATION_ZEROQUANT = 2,    // s = 2 absmax / 2^bits; not symmetric: s = (max - min) / 2^bits, zero = -rint(min / s)
  QW_ACTIVATION_AFFINE = 3,       // range with 0, s = (max - min) / (2^bits - 1), zero = clamp(-rint(min / s), 0, 2^bits - 1)
} qw_activation_rule;

typedef struct qw_activations {
  qw_activation_kind kind;
  int bits;                 // of a code, 2 to 8
  qw_activation_rule rule;  // of QW_ACTIVATION_TOKEN
  int symmetric;            // of QW_ACTIVATION_TOKEN
  float scale;              // of QW_ACTIVATION_TENSOR
  int32_t zero;             // of QW_ACTIVATION_TENSOR, of codes 0 to 2^bits - 1
  float threshold;          // of QW_ACTIVATION_OUTLIERS
  int base_bits;            // of QW_ACTIVATION_RAZORED: 8 or 16
  int group_size;           // of QW_ACTIVATION_RAZORED
  int original;             // of QW_ACTIVATION_RAZORED: the original rule instead of qllm's
} qw_activations;

#ifdef __cplusplus
}
#endif
