// Weights by groups, multiplied as integers with activations quantized when the product is taken (linear/int8/activations.h). Three codecs:
//
//   w4a8, w8a8_groups    codes of 4 or 8 bits with a scale and a zero point for every row and group of columns
//     y[m, n] = s[m] * ( sum over groups g of  scale[n, g] * ( acc - zero[n, g] * R[m, g] )  -  z[m] * S[n] ) + bias[n]
//     acc = sum over k in g of code[n, k] q[m, k],   R[m, g] = sum over k in g of q[m, k],   S[n] = sum of the weights of row n
//   qrazor_int8          codes of 4 or 8 bits with a shift for every row and group, one scale a row
//     y[m, n] = s[m] * scale[n] * sum over groups g of  2^t[m, g] * 2^shift[n, g] * acc + bias[n]
//
// acc, with its shift, is exact in int32 on every level; the rest is the same sequence of f32 fma, group after group, so that all levels return
// the same bits (serial.cc). z is 0 for symmetric activations, which have no S.
//
// Layout: that of linear/grouped/grouped.h for q4 and q8 (codes, params, order of columns). A unit is a stretch of packed columns whose sums
// end together: a group; where weights or activations are razored, the shorter of their groups. Beside it lie
//
//   shifts   [tile][unit][row 0..15] bytes             of razored weights
//   sums     [tile][row 0..15] f32                     S, where activations have a zero point
//
// Razored weights whose groups lie along outputs (GPTQ's) become bytes: their integers code * 2^shift, in as many planes of 8 signed bits as
// they need (one on a base of 8 bits); a plane is a copy of all columns, its units are shifted by 8 bits more.
#pragma once
#include "linear/grouped/grouped.h"
#include "linear/int8/activations.h"
#include "linear/qrazor/weight.h"

enum { QW_INT8_MOST_HEIGHT = 16 };

typedef struct qw_int8_form {
  qw_activations activations;
  int32_t razored, planes;  // weights are razored; planes: 1, or of razored weights along outputs
  int64_t plane_columns;    // packed columns of a plane: grouped.depth / planes
  int64_t units;
  int64_t folded_zero;      // all zero points are this whole number, which the sums begin with; 0 where they are not
} qw_int8_form;

typedef struct qw_int8_groups {
  qw_grouped grouped;
  qw_int8_form form;
  int64_t* unit_begin;      // [units + 1], in blocks; of razored weights its own memory, else grouped.group_begin
  uint8_t* shifts;          // razored
  float* sums;              // activations with a zero point
} qw_int8_groups;

// Up to `height` rows of quantized x, as a kernel reads them.
typedef struct qw_int8_x {
  const int8_t* values;    // [quad][height][4], packed columns
  int height;
  const float* scales;     // [height] s
  const float* zeros;      // [height] z
  const int32_t* starts;   // [units][height]: what the sums begin with
  const float* remainders; // [units][height]: -R
  const float* factors;    // [units][height] 2^t; of razored weights only
} qw_int8_x;

typedef struct qw_int8_kernels {
  int height;  // most rows of a block, <= QW_INT8_MOST_HEIGHT
  int flips;   // multiplies codes of 8 bits less 128, which `starts` make up for
  // Kind razored: one row of x -> q [cols], s, 2^t of every group.
  void (*razor)(const qw_activations* activations, const float* x, int64_t cols, int8_t* q, float* scale, float* factors);
  // y[i * ldy + row] for rows i of x and the rows of tiles [begin, end).
  void (*multiply)(const qw_int8_groups* weight, const qw_int8_x* x, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end);
} qw_int8_kernels;

extern const qw_codec qw_codec_w4a8;
extern const qw_codec qw_codec_w8a8_groups;
extern const qw_codec qw_codec_qrazor_int8;
extern const qw_int8_kernels qw_int8_serial;
extern const qw_int8_kernels qw_int8_avx2;
extern const qw_int8_kernels qw_int8_avxvnni;
extern const qw_int8_kernels qw_int8_avx512;
extern const qw_int8_kernels qw_int8_avx512vnni;
extern const qw_int8_kernels qw_int8_neon;
extern const qw_int8_kernels qw_int8_neondot;

// Affine weights, code_bits 4 or 8, for activations of kind token or tensor (checked by qw_check_activations).
qw_status qw_int8_groups_pack(const qw_affine* affine, int code_bits, const qw_activations* activations, qw_pool* pool, qw_weight** out);
// Razored weights, for activations of kind razored, token or tensor.
qw_status qw_int8_razored_pack(const qw_qrazor_stored* stored, const qw_activations* activations, qw_pool* pool, qw_weight** out);

void qw_int8_groups_destroy(qw_weight* weight);

// Raised with every change of the packed layout (abi/saved.h).
enum { QW_INT8_GROUPS_LAYOUT = 1 };
void qw_int8_groups_save(const qw_weight* weight, qw_saved* out);
qw_status qw_int8_groups_restore_w4a8(const qw_saved* saved, qw_weight** out);
qw_status qw_int8_groups_restore_w8a8(const qw_saved* saved, qw_weight** out);
qw_status qw_int8_groups_restore_qrazor(const qw_saved* saved, qw_weight** out);

// What stored codes are above the integers that they mean, in the starts of the sums. Zeros of a byte are measured from the middle.
static inline int32_t qw_int8_offset(const qw_int8_groups* weight) {
  const qw_grouped* grouped = &weight->grouped;
  if (!weight->form.razored && grouped->zero_form == QW_ZERO_BYTES) return 1 << (grouped->bits - 1);
  return (int32_t)grouped->offset + (int32_t)weight->form.folded_zero;
}

static inline const uint8_t* qw_int8_shifts(const qw_int8_groups* weight, int64_t tile, int64_t unit) {
  return weight->shifts + (tile * weight->form.units + unit) * QW_TILE_ROWS;
}
