// Codec qrazor: codes of 3, 4 or 8 bits, one shift a group of them, one scale a row.
//
//   inputs    y[m, n] = scale[n] * sum over groups g of  2^shift[n, g] * sum over k in g of code[n, k] * x[m, k]
//   outputs   y[m, n] = scale[n] * sum over k of  code[n, k] * ( 2^shift[n / group_size, k] * x[m, k] )
//
// Layout: the codes are the tiles of linear/grouped/grouped.h for q3, q4 or q8, unsigned with 2^(bits-1) added, in one group a row; its
// parameters are the scales of 16 rows. Shifts take 3 bits (base of 8 bits) or 4 (16 bits):
//
//   shifts, inputs    [tile][group][16 rows x shift_bits]    row r from bit r * shift_bits: 6 or 8 bytes
//   shifts, outputs   [row group][columns in eights]         column k from bit k * shift_bits: 3 or 4 bytes an eight
//
// An eight is 8 consecutive columns: a block of q4, two of q8, half of one of q3. Memory per weight: bits + shift_bits / group_size.
#pragma once
#include "linear/grouped/grouped.h"
#include "linear/qrazor/weight.h"

// Raised with every change of the packed layout (abi/saved.h).
enum { QW_QRAZOR_LAYOUT = 1 };
enum { QW_QRAZOR_ROWS = 4 };

typedef struct qw_qrazor_weight {
  qw_grouped grouped;  // its offset is 0: to what is shared with grouped codecs, weights are integers that fills have already shifted
  int64_t group_size;
  int64_t groups;      // of a row (inputs), or of rows (outputs)
  int along_outputs, shift_bits, code_offset;
  uint8_t* shifts;     // 8 bytes longer than its content
} qw_qrazor_weight;

// What a kernel makes of x before it streams; x is in packed order.
typedef struct qw_qrazor_x {
  const float* values;
  int64_t ld;
  int64_t m;
  float* sums;       // [m][groups]: -code_offset * sum of x over the group
  float* units;      // [m][chunks]
  int32_t* digits;   // [depth / 4][m][3] x 4 bytes, as grouped/fixed_point.h
  int32_t* offsets;  // [groups][m][4]: -code_offset * sum of each digit over the group
} qw_qrazor_x;

typedef struct qw_qrazor_kernels {
  void (*prepare)(const qw_qrazor_weight* weight, const qw_qrazor_x* x);
  // y[i * ldy + row] for rows [first, first + m) of x, m <= QW_QRAZOR_ROWS, and the rows of tiles [begin, end).
  void (*stream)(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int m, const float* bias, float* y, int64_t ldy,
                 int64_t begin, int64_t end);
} qw_qrazor_kernels;

extern const qw_codec qw_codec_qrazor;
extern const qw_qrazor_kernels qw_qrazor_serial;
extern const qw_qrazor_kernels qw_qrazor_avx2;
extern const qw_qrazor_kernels qw_qrazor_avx512vnni;  // groups along inputs only

// Panels (panel16/panel16.h, panel/panel.h): 16-bit ones hold code * 2^shift of a base of 8 bits; f32 ones are 16 or 32 rows wide.
void qw_qrazor_fill16_avx2(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel);
void qw_qrazor_fill_16_avx2(const void* weight, int64_t row, int64_t column, int64_t count, float* panel);
void qw_qrazor_fill_32_avx2(const void* weight, int64_t row, int64_t column, int64_t count, float* panel);

void qw_qrazor_save(const qw_weight* weight, qw_saved* out);
qw_status qw_qrazor_restore(const qw_saved* saved, qw_weight** out);

static inline int qw_qrazor_shift_bits(int base_bits) { return base_bits == 8 ? 3 : 4; }

// Columns whose x shares a unit: the 32-bit sums of 2^base_bits * 128 a column stay below 2^31.
static inline int64_t qw_qrazor_chunk(const qw_qrazor_weight* weight) {
  const int64_t most = weight->shift_bits == 3 ? 256 : 128;
  return most / weight->group_size * weight->group_size;
}
static inline int64_t qw_qrazor_chunks(const qw_qrazor_weight* weight) {
  const int64_t chunk = qw_qrazor_chunk(weight);
  return (weight->grouped.depth + chunk - 1) / chunk;
}

// Bytes of a line of shifts: of 16 rows and a group, or of all columns of a row group.
static inline int64_t qw_qrazor_line(const qw_qrazor_weight* weight) {
  return weight->along_outputs ? (weight->grouped.depth + 7) / 8 * weight->shift_bits : 2 * weight->shift_bits;
}
static inline size_t qw_qrazor_shift_bytes(const qw_qrazor_weight* weight) {
  return (size_t)((weight->along_outputs ? 1 : weight->grouped.tiles) * weight->groups * qw_qrazor_line(weight)) + 8;
}

// Shifts of the rows of a tile in a group of columns.
static inline const uint8_t* qw_qrazor_tile_shifts(const qw_qrazor_weight* weight, int64_t tile, int64_t group) {
  return weight->shifts + (tile * weight->groups + group) * qw_qrazor_line(weight);
}
// Shifts of all columns in the group of row `row`; past the last row those of the last group.
static inline const uint8_t* qw_qrazor_row_shifts(const qw_qrazor_weight* weight, int64_t row) {
  const int64_t group = row / weight->group_size;
  return weight->shifts + (group < weight->groups ? group : weight->groups - 1) * qw_qrazor_line(weight);
}

// Number `index` of a line.
static inline int qw_qrazor_shift_at(const uint8_t* line, int shift_bits, int64_t index) {
  uint32_t eight;
  memcpy(&eight, line + index / 8 * shift_bits, 4);
  return (int)(eight >> (index % 8 * shift_bits)) & ((1 << shift_bits) - 1);
}

// Shift of `row` at packed column `k`.
static inline int qw_qrazor_shift(const qw_qrazor_weight* weight, int64_t row, int64_t k) {
  if (weight->along_outputs) return qw_qrazor_shift_at(qw_qrazor_row_shifts(weight, row), weight->shift_bits, k);
  return qw_qrazor_shift_at(qw_qrazor_tile_shifts(weight, row / QW_TILE_ROWS, k / weight->group_size), weight->shift_bits, row % QW_TILE_ROWS);
}

// Scales of the 16 rows of a tile.
static inline const float* qw_qrazor_scales(const qw_qrazor_weight* weight, int64_t tile) {
  return (const float*)qw_grouped_params(&weight->grouped, tile, 0);
}

// code * 2^shift of `row` at packed column `k`.
static inline int qw_qrazor_integer(const qw_qrazor_weight* weight, int64_t row, int64_t k) {
  const int code = qw_grouped_code(&weight->grouped, row / QW_TILE_ROWS, (int)(row % QW_TILE_ROWS), k) - weight->code_offset;
  return code * (1 << qw_qrazor_shift(weight, row, k));
}
