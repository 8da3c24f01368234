// Weight-only integer codecs q2, q3, q4, q5, q6 and q8: layout, and what a kernel of one instruction set provides.
//
//   y[m, n] = sum over groups g of  scale[n, g] * ( sum over k in g of code[n, k] * x[m, k]  -  zero[n, g] * X[m, g] ),
//   X[m, g] = sum over k in g of x[m, k]   (once per call)
//
// Layout. 16 weight rows make a tile. A line is 64 bytes: a 32-bit lane per row, so that one vector load feeds 16 rows and every
// instruction streams full-width. A quad is 4 consecutive columns, one a byte of the lane; a block is the `step` columns that are unpacked
// together. Where a width is no power of two, its low bits lie in lines of their own, apart from the high bits.
//
//   codes   [tile][lines]   columns of a block, lines, place of quad q in every byte of its lane
//     q8     4   1          the byte
//     q4     8   1          4 bits from bit 4 q
//     q2    16   1          2 bits from bit 2 q
//     q6    16   2 + 1      low 4 bits in line q / 2 from bit 4 (q % 2); high 2 bits in the third line from bit 2 q
//     q5    16   2 + 1/2    low 4 bits like q6;  high bit in the line after the low lines of two blocks: bit q, or 4 + q for the second
//     q3    16   1 + 1/2    low 2 bits like q2;  high bit like q5
//   params  [tile][group][scale x 16][zero x 16]    scales in scale_type; zeros by zero_form (or by form: params.h)
//
// Columns are stored group after group (act-order: the columns of a group are gathered) and every group is padded to whole blocks;
// `columns` says which column of x each packed position multiplies, -1 = padding. It is NULL when the order is the identity.
// Signed codes are stored with `offset` added (2^(bits-1)). A zero that all groups share is kept once, zeros that are whole numbers as
// bytes (with the offset added), others as they were given, so that they stay exact in scale_type.
#pragma once
#include "abi/codec.h"
#include "linear/float16.h"
#include "linear/panel/panel.h"

enum { QW_TILE_ROWS = 16, QW_LINE_BYTES = 64, QW_GEMV_MOST_ROWS = 8 };

typedef enum qw_zero_form {
  QW_ZERO_TYPED = 0,   // scale_type
  QW_ZERO_BYTES = 1,   // uint8, zero + offset
  QW_ZERO_SHARED = 2,  // not stored: shared_zero
} qw_zero_form;

// What the parameters of a group are. ZERO: w = (code - zero) * scale, as above. The others come from GGUF blocks (linear/gguf), params.h lays them:
//   MINIMUM          w = code * scale - minimum    both f16
//   LEVELS           w = code * (d * s)            d f16 for 256 columns, s int8 a group
//   LEVELS_MINIMUM   w = code * (d * s) - e * m    d, e f16 for 256 columns, s, m int8 a group
//   NIBBLES          the same with s and m in the low and high half of a byte
// and one from SpQR (linear/spqr):
//   BILEVEL          w = (code - zero) * scale, scale = step * (level - its zero) with f16 step and zero for the 16 rows of a tile; the zero likewise
typedef enum qw_param_form {
  QW_PARAMS_ZERO = 0,
  QW_PARAMS_MINIMUM,
  QW_PARAMS_LEVELS,
  QW_PARAMS_LEVELS_MINIMUM,
  QW_PARAMS_NIBBLES,
  QW_PARAMS_BILEVEL,
} qw_param_form;

typedef struct qw_grouped {
  qw_weight base;
  int bits, step;
  float offset;
  int64_t tiles, groups, blocks, depth;  // depth = blocks * step: packed columns
  int64_t longest_group;                 // in packed columns
  int64_t tile_bytes;                    // of codes
  int64_t param_bytes;                   // of a group of a tile
  int64_t* group_begin;                  // [groups + 1], in blocks
  int32_t* columns;                      // [depth] or NULL
  qw_type scale_type;
  qw_param_form form;
  int scale_bits, zero_bits;             // of the levels of BILEVEL
  qw_zero_form zero_form;
  float shared_zero;
  uint8_t* codes;
  uint8_t* params;
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

qw_status qw_grouped_pack(const qw_codec* codec, int bits, const qw_affine* affine, qw_pool* pool, qw_weight** out);
size_t qw_grouped_scratch_bytes(const qw_weight* weight, int64_t m);
void qw_grouped_matmul(const qw_weight* weight, const qw_grouped_kernels* kernels, const float* x, int64_t ldx, int64_t m,
                       const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool);
void qw_grouped_dequantize(const qw_weight* weight, int64_t row_begin, int64_t row_count, float* out);
void qw_grouped_destroy(qw_weight* weight);
// Raise it with every change of the layout above: saved weights of another one are made anew.
enum { QW_GROUPED_LAYOUT = 2 };
void qw_grouped_save(const qw_weight* weight, qw_saved* out);
qw_status qw_grouped_restore(const qw_codec* codec, int bits, const qw_saved* saved, qw_weight** out);

extern const qw_grouped_kernels qw_grouped_serial;

// Columns of a block.
static inline int qw_grouped_step(int bits) { return bits == 8 ? 4 : bits == 4 ? 8 : 16; }
// Bits of a code that lie in low lines, and above them.
static inline int qw_grouped_low_bits(int bits) { return bits == 3 ? 2 : bits == 5 || bits == 6 ? 4 : bits; }
static inline int qw_grouped_high_bits(int bits) { return bits - qw_grouped_low_bits(bits); }

// First low line of a block; they follow each other, and `*high` is where its high bits lie. Two blocks of q3 and q5 share a line of those.
static inline int64_t qw_grouped_line(int bits, int64_t block, int64_t* high) {
  const int64_t low_lines = bits == 5 || bits == 6 ? 2 : 1;
  if (qw_grouped_high_bits(bits) == 1) {
    const int64_t pair = (block >> 1) * (2 * low_lines + 1);
    *high = pair + 2 * low_lines;
    return pair + (block & 1) * low_lines;
  }
  const int64_t line = block * (low_lines + (bits == 6 ? 1 : 0));
  *high = line + low_lines;
  return line;
}

// Lines of a tile.
static inline int64_t qw_grouped_lines(int bits, int64_t blocks) {
  int64_t high;
  return qw_grouped_line(bits, qw_grouped_high_bits(bits) == 1 ? (blocks + 1) / 2 * 2 : blocks, &high);
}

// Fills tile_bytes and param_bytes from the fields that they follow from.
static inline void qw_grouped_measure(qw_grouped* weight) {
  const int64_t typed = QW_TILE_ROWS * qw_type_bytes(weight->scale_type);
  weight->tile_bytes = qw_grouped_lines(weight->bits, weight->blocks) * QW_LINE_BYTES;
  if (weight->form == QW_PARAMS_BILEVEL) {
    weight->param_bytes = 4 * sizeof(uint16_t) + (weight->scale_bits + weight->zero_bits) * sizeof(uint16_t);
    return;
  }
  weight->param_bytes = typed + (weight->zero_form == QW_ZERO_TYPED ? typed : weight->zero_form == QW_ZERO_BYTES ? QW_TILE_ROWS : 0);
}
static inline size_t qw_grouped_code_bytes(const qw_grouped* weight) { return (size_t)(weight->tiles * weight->tile_bytes); }

// Code (0..2^bits-1, offset included) of `row` of the tile at packed column `position`.
static inline int qw_grouped_code(const qw_grouped* weight, int64_t tile, int row, int64_t position) {
  const int bits = weight->bits, low_bits = qw_grouped_low_bits(bits), high_bits = bits - low_bits, per_byte = 8 / low_bits;
  const int64_t block = position / weight->step;
  const int quad = (int)(position % weight->step) / 4;
  int64_t high;
  const int64_t low = qw_grouped_line(bits, block, &high) + quad / per_byte;
  const uint8_t* byte = weight->codes + tile * weight->tile_bytes + row * 4 + position % 4;
  int code = byte[low * QW_LINE_BYTES] >> (quad % per_byte * low_bits) & ((1 << low_bits) - 1);
  if (high_bits == 1) code |= (byte[high * QW_LINE_BYTES] >> (quad + 4 * (int)(block & 1)) & 1) << low_bits;
  if (high_bits == 2) code |= (byte[high * QW_LINE_BYTES] >> (2 * quad) & 3) << low_bits;
  return code;
}

static inline const uint8_t* qw_grouped_params(const qw_grouped* weight, int64_t tile, int64_t group) {
  return weight->params + (tile * weight->groups + group) * weight->param_bytes;
}

// Scale and zero of `row` of the tile.
static inline float qw_grouped_scale(const qw_grouped* weight, int64_t tile, int64_t group, int row) {
  return qw_read_typed(weight->scale_type, qw_grouped_params(weight, tile, group), row);
}

static inline float qw_grouped_zero(const qw_grouped* weight, int64_t tile, int64_t group, int row) {
  if (weight->zero_form == QW_ZERO_SHARED) return weight->shared_zero;
  const uint8_t* zeros = qw_grouped_params(weight, tile, group) + QW_TILE_ROWS * qw_type_bytes(weight->scale_type);
  return weight->zero_form == QW_ZERO_BYTES ? (float)zeros[row] - weight->offset : qw_read_typed(weight->scale_type, zeros, row);
}
