// Codec dense: f32, f16 or bf16 as the checkpoint stores it, row-major, used where it lies (possibly unaligned, in a mapped file).
//
//   row n:  w[n, 0] w[n, 1] ... w[n, cols - 1]      2 or 4 bytes each, no padding between rows
#pragma once
#include "abi/codec.h"
#include "linear/panel/panel.h"

enum { QW_DENSE_ROWS = 4, QW_DENSE_MOST_ROWS = 8 };  // rows of x a streaming pass takes; rows of x above which panels win

typedef struct qw_dense_weight {
  qw_weight base;
  qw_type type;
  const void* data;
} qw_dense_weight;

typedef struct qw_dense_kernels {
  // y[i * ldy + row] for weight rows [begin, end) and m <= QW_DENSE_ROWS rows of x.
  void (*stream)(const qw_dense_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy,
                 int64_t begin, int64_t end);
  qw_panel_fill fill;  // NULL: no panel route
} qw_dense_kernels;

extern const qw_codec qw_codec_dense;
extern const qw_dense_kernels qw_dense_serial;
extern const qw_dense_kernels qw_dense_avx2;
extern const qw_dense_kernels qw_dense_avx512;
extern const qw_dense_kernels qw_dense_neon;
