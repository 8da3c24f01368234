// Matrix product for many rows of x (prefill) on the codes of a grouped weight, with 16-bit activations and exact 32-bit integer sums.
//
//   y[m, rows] = sum over chunks c of  scale[n, g(c)] * ( unit[m, c] * sum_k code[n, k] q[m, k]  -  zero[n, g(c)] * X[m, c] ) + bias
//
// A chunk is up to 128 packed columns of one group. Its activations are x = unit * q, q in -32767..32767, one unit per row of x and chunk:
// |error| <= unit / 2, that is 1.6e-5 of the chunk's largest |x| (a bf16 activation errs by 3.9e-3 of itself, an f16 one by 4.9e-4).
// 255 * 32767 * 128 stays below 2^31, so no sum overflows. X[m, c] = unit * sum q, so the zero point cancels exactly.
//
// A task takes up to two tiles (32 weight rows). The codec unpacks them once, 256 columns at a time, to int16 panels in the core's L1;
// a register-blocked microkernel multiplies the panel with every block of x rows. Columns go in pairs, (0, 2) and (1, 3) of a quad,
// because that is what a mask and a shift leave of a packed lane.
//
//   panel   [pair][row 0..15][2]   int16, one tile
//   x       [pair][x row][2]       int16, one block of x rows
//
// AMX multiplies bytes: there a panel is [quad][row 0..15][4] bytes, and x the two digits of q = 256 high + low apart.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "linear/grouped/grouped.h"

enum {
  QW_PANEL16_CHUNK = 128,
  QW_PANEL16_BYTES = 512,  // of a weight row in a panel
  QW_PANEL16_TILES = 2,
  QW_PANEL16_WIDTH = QW_PANEL16_TILES * QW_TILE_ROWS,
  QW_PANEL16_MAX_HEIGHT = 16,
};

// Blocks [begin, end) of a tile as a panel.
typedef void (*qw_panel16_fill)(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel);

// One panel of `tiles` tiles against one block of x rows.
typedef struct qw_panel16_step {
  int height, tiles, chunks;
  const int32_t* columns;  // [chunks]
  const int16_t* panel;    // tile t starts at t * QW_PANEL16_BYTES / 2 * QW_TILE_ROWS
  const float* params;     // [chunk][tile of QW_PANEL16_TILES][scale x 16][zero * scale + minimum x 16]
  const void* x;           // chunk after chunk, as `quantize` laid it out
  const float* units;      // [chunk][height]
  const float* sums;       // [chunk][height]
  float* total;            // [height][QW_PANEL16_WIDTH], added to
} qw_panel16_step;

typedef struct qw_panel16_kernel {
  int tiles, height;
  int code_bytes;        // of a code in a panel: 2, or 1 with a fill of the kernel's own
  int padding;           // columns of a chunk are padded to a multiple of this, in panels and in x
  qw_panel16_fill fill;  // NULL: the codec's
  // Columns x [count] (a multiple of 4, at most QW_PANEL16_CHUNK) of row `row` of a block of `height` rows into its chunk, which takes
  // 2 bytes a row and padded column; unit and sum of the row.
  void (*quantize)(const float* x, int64_t count, int64_t row, int64_t height, void* chunk, float* unit, float* sum);
  // scale and (zero + offset) * scale + minimum of a group of a tile, 16 each.
  void (*read_params)(const qw_grouped* weight, int64_t tile, int64_t group, float* scale, float* zero);
  void (*multiply)(const qw_panel16_step* step);
  void (*begin)(void);  // before and after the steps of a task on its thread; NULL: nothing to do
  void (*end)(void);
} qw_panel16_kernel;

// NULL where the level in force has none.
const qw_panel16_kernel* qw_panel16_in_force(const qw_grouped* weight);
size_t qw_panel16_scratch_bytes(const qw_grouped* weight, int64_t m);
void qw_panel16_matmul(const qw_panel16_kernel* kernel, qw_panel16_fill fill, const qw_grouped* weight, const float* x, int64_t ldx, int64_t m,
                       const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool);

extern const qw_panel16_kernel qw_panel16_avx2;
extern const qw_panel16_kernel qw_panel16_avxvnni;
extern const qw_panel16_kernel qw_panel16_avx512;
extern const qw_panel16_kernel qw_panel16_avx512vnni;
extern const qw_panel16_kernel qw_panel16_amx;
