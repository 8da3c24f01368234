// Weight-only integer codecs q4 and q8: layout, and what a kernel of one instruction set provides.
//
//   y[m, n] = sum over groups g of  scale[n, g] * ( sum over k in g of code[n, k] * x[m, k]  -  zero[n, g] * X[m, g] ),
//   X[m, g] = sum over k in g of x[m, k]   (once per call)
//
// Layout. 16 weight rows make a tile. A block is 64 bytes: a 32-bit lane per row holds `step` consecutive columns of that row
// (q4: 8 columns, q8: 4), so that one vector load feeds 16 rows and every instruction streams full-width.
//
//   codes   [tile][block][row 0..15][4 bytes]       q8 byte b = column b;  q4 byte b = column b (low nibble), column 4 + b (high nibble)
//   params  [tile][group][scale x 16][zero x 16]    in scale_type
//
// Columns are stored group after group (act-order: the columns of a group are gathered) and every group is padded to whole blocks;
// `columns` says which column of x each packed position multiplies, -1 = padding. It is NULL when the order is the identity.
// Signed codes are stored with `offset` added (8 or 128) and the zero as it was given, so that it stays exact in scale_type.
#pragma once
#include "abi/codec.h"
#include "linear/panel/panel.h"

enum { QW_TILE_ROWS = 16, QW_BLOCK_BYTES = 64, QW_GEMV_MOST_ROWS = 8 };

typedef struct qw_grouped {
  qw_weight base;
  int bits, step;
  float offset;
  int64_t tiles, groups, blocks, depth;  // depth = blocks * step: packed columns
  int64_t longest_group;                 // in packed columns
  int64_t* group_begin;                  // [groups + 1], in blocks
  int32_t* columns;                      // [depth] or NULL
  qw_type scale_type;
  uint8_t* codes;
  void* params;
} qw_grouped;

// x as a kernel wants it: values gathered in packed order, and what `prepare` made of them.
typedef struct qw_grouped_x {
  const float* values;
  int64_t ld;
  float* sums;      // [m][groups]
  float* units;     // [m][groups], fixed-point kernels only
  int32_t* digits;  // [depth / 4][m][3] x 4 bytes, fixed-point kernels only
} qw_grouped_x;

typedef struct qw_grouped_kernels {
  int rows;  // most rows of x that gemv takes, up to QW_GEMV_MOST_ROWS
  void (*prepare)(const qw_grouped* weight, const qw_grouped_x* x, int m);
  // y[i * ldy + row] for the rows of tiles [begin, end), m <= rows of x starting at row `first` of qw_grouped_x.
  void (*gemv)(const qw_grouped* weight, const qw_grouped_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
               int64_t end);
  qw_panel_fill fill;  // f32 panels for many rows of x; NULL: none
  // 16-bit panels (panel16/panel16.h), preferred to f32 ones: codes of blocks [begin, end) of a tile. NULL: none
  void (*fill16)(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel);
} qw_grouped_kernels;

// codec: its name and table; kernels[level], NULL where the level has no kernel of its own (the next lower one is used).
qw_status qw_grouped_pack(const qw_codec* codec, int bits, const qw_affine* affine, qw_pool* pool, qw_weight** out);
size_t qw_grouped_scratch_bytes(const qw_weight* weight, int64_t m);
void qw_grouped_matmul(const qw_weight* weight, const qw_grouped_kernels* kernels, const float* x, int64_t ldx, int64_t m,
                       const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool);
void qw_grouped_dequantize(const qw_weight* weight, int64_t row_begin, int64_t row_count, float* out);
void qw_grouped_destroy(qw_weight* weight);
// Raise it with every change of the layout above: saved weights of another one are made anew.
enum { QW_GROUPED_LAYOUT = 1 };
void qw_grouped_save(const qw_weight* weight, qw_saved* out);
qw_status qw_grouped_restore(const qw_codec* codec, int bits, const qw_saved* saved, qw_weight** out);

extern const qw_grouped_kernels qw_grouped_serial;

static inline size_t qw_grouped_code_bytes(const qw_grouped* weight) { return (size_t)(weight->tiles * weight->blocks) * QW_BLOCK_BYTES; }
static inline size_t qw_grouped_param_bytes(const qw_grouped* weight) {
  return (size_t)(weight->tiles * weight->groups * 2 * QW_TILE_ROWS) * (weight->scale_type == QW_F32 ? 4 : 2);
}

// Code (0..2^bits-1, offset included) of `row` of the tile at packed column `position`.
static inline int qw_grouped_code(const qw_grouped* weight, int64_t tile, int row, int64_t position) {
  const int64_t block = position / weight->step;
  const int within = (int)(position % weight->step);
  const uint8_t* lane = weight->codes + (tile * weight->blocks + block) * QW_BLOCK_BYTES + row * 4;
  return weight->bits == 8 ? lane[within] : within < 4 ? lane[within] & 15 : lane[within - 4] >> 4;
}
