// Codec table4: 4-bit codes into a table of 16 values (bitsandbytes NF4 and FP4), one absmax per block.
//
//   y[m, n] = sum over groups g of  absmax[n, g] * sum over k in g of table[code[n, k]] * x[m, k]
//
// Layout: the tiles and blocks of linear/grouped/grouped.h for 4 bits, and one f32 per row and group; there is no zero.
//
//   codes   [tile][block][row 0..15][4 bytes]    byte b = column b (low nibble), column 4 + b (high nibble)
//   absmax  [tile][group][row 0..15]             f32
//
// The stored blocks run over the flattened matrix, from one row into the next. `group` is the longest run of columns that lies in one block
// in every row: the block where it divides the row, else the greatest common divisor of the two.
#pragma once
#include "abi/codec.h"
#include "linear/panel/panel.h"

// Raised with every change of the packed layout (abi/saved.h).
enum { QW_TABLE4_LAYOUT = 1 };
enum { QW_TABLE4_TILE = 16, QW_TABLE4_STEP = 8, QW_TABLE4_BLOCK_BYTES = 64, QW_TABLE4_ROWS = 4, QW_TABLE4_MOST_ROWS = 8 };

typedef struct qw_table4_weight {
  qw_weight base;
  int64_t tiles, blocks;         // blocks: of 8 columns, in a row
  int64_t groups, group_blocks;  // groups of a row; blocks of 8 columns in each
  float table[16];
  uint8_t* codes;
  float* absmax;
} qw_table4_weight;

typedef struct qw_table4_kernels {
  // y[i * ldy + row] for the rows of tiles [begin, end) and m <= QW_TABLE4_ROWS rows of x.
  void (*stream)(const qw_table4_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end);
  qw_panel_fill fill;  // NULL: no panel route
} qw_table4_kernels;

extern const qw_codec qw_codec_table4;
void qw_table4_save(const qw_weight* weight, qw_saved* out);
qw_status qw_table4_restore(const qw_saved* saved, qw_weight** out);
extern const qw_table4_kernels qw_table4_serial;
extern const qw_table4_kernels qw_table4_avx2;
extern const qw_table4_kernels qw_table4_avx512;
extern const qw_table4_kernels qw_table4_neon;

static inline size_t qw_table4_code_bytes(const qw_table4_weight* weight) {
  return (size_t)(weight->tiles * weight->blocks) * QW_TABLE4_BLOCK_BYTES;
}

static inline size_t qw_table4_absmax_bytes(const qw_table4_weight* weight) {
  return (size_t)(weight->tiles * weight->groups * QW_TABLE4_TILE) * sizeof(float);
}

// Code of `row` of the tile at column `k`.
static inline int qw_table4_code(const qw_table4_weight* weight, int64_t tile, int row, int64_t k) {
  const uint8_t* lane = weight->codes + (tile * weight->blocks + k / QW_TABLE4_STEP) * QW_TABLE4_BLOCK_BYTES + row * 4;
  const int within = (int)(k % QW_TABLE4_STEP);
  return within < 4 ? lane[within] & 15 : lane[within - 4] >> 4;
}

static inline float qw_table4_absmax(const qw_table4_weight* weight, int64_t tile, int row, int64_t k) {
  return weight->absmax[(tile * weight->groups + k / (weight->group_blocks * QW_TABLE4_STEP)) * QW_TABLE4_TILE + row];
}
