// Matrix product for many rows of x (prefill), shared by every codec whose arithmetic is f32.
//
//   y[m, rows] = x[m, depth] W^T + bias
//
// A task takes `width` weight rows. It asks the codec to write them as f32, 512 columns at a time, into a panel [column][width] that
// stays in the core's L2 (64 KiB at most, on the task's stack); a register-blocked microkernel then multiplies the panel with all of x,
// packed once per call as [block of x rows][column][x row]. No dequantized copy of the layer ever exists.
//
// Cost: one FMA per 16 (AVX-512) or 8 (AVX2) products; a microkernel step does 2 panel loads and `height` broadcasts for 2 * height FMAs,
// so the FMA ports are the limit. Widening costs about 5 instructions per 16 weights, shared by all rows of x.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "abi/pool.h"

#define QW_PANEL_DEPTH 512
#define QW_PANEL_MAX_WIDTH 32
#define QW_PANEL_MAX_HEIGHT 14

// Writes weight rows [row, row + width) x columns [column, column + count) as panel[(c - column) * width + r]; count <= QW_PANEL_DEPTH,
// column is a multiple of QW_PANEL_DEPTH. Rows past the end are written as zeros.
typedef void (*qw_panel_fill)(const void* weight, int64_t row, int64_t column, int64_t count, float* panel);

typedef struct qw_panel_kernel {
  int width;   // weight rows of a panel
  int height;  // most x rows of a block
  // y[i * ldy + r] = base + sum_k x[k * height_used + i] * panel[k * width + r] with base = y when accumulate, else bias[r].
  void (*multiply)(int height_used, int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y,
                   int64_t ldy);
} qw_panel_kernel;

typedef struct qw_panel_job {
  const qw_panel_kernel* kernel;
  qw_panel_fill fill;
  const void* weight;
  int64_t rows, depth;
  const int32_t* columns;  // [depth] column of x at every packed position, -1: zero; NULL: identity
  const float* x;
  int64_t ldx, m;
  const float* bias;
  float* y;
  int64_t ldy;
  void* scratch;
} qw_panel_job;

// NULL at the serial level.
const qw_panel_kernel* qw_panel_kernel_in_force(void);
size_t qw_panel_scratch_bytes(int64_t depth, int64_t m);
void qw_panel_matmul(const qw_panel_job* job, qw_pool* pool);

extern const qw_panel_kernel qw_panel_avx2;
extern const qw_panel_kernel qw_panel_avx512;
extern const qw_panel_kernel qw_panel_neon;
