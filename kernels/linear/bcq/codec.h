// Codec bcq: binary-coded weights of 1 to 4 bits, multiplied by table look-up (LUT-GEMM).
//
//   y[m, n] = sum over groups g of ( sum over bits i of alpha[n, g, i] * S[n, g, i]  +  q_bias[n, g] * X[m, g] ),
//   S[n, g, i] = sum over k in g of +-x[m, k] by the signs of plane i,   X[m, g] = sum over k in g of x[m, k]
//
// S is not multiplied out: for every few columns of x a table of all the sums +-x is built once per call, and a row of the weight looks its
// sum up with its sign bits as the index. No weight is ever widened.
//
// Layout. 16 weight rows make a tile; a word holds the signs of 32 columns of one row and plane, so a line of 64 bytes feeds 16 rows.
//
//   planes  [tile][word][bit][row 0..15]    uint32
//   alpha   [tile][group][bit][row 0..15]   alpha_type; only bit 0 where every alpha is twice the one before (affine codes)
//   q_bias  [tile][group][row 0..15]        bias_type, or none
//
// Columns are stored group after group and every group begins a word, so the last word of a group may hold padding: `columns` says which
// column of x each packed position multiplies, -1 = padding. It is NULL when the order is the identity.
#pragma once
#include "linear/bcq/weight.h"
#include "linear/float16.h"
#include "linear/panel/panel.h"

// Raised with every change of the packed layout (abi/saved.h).
enum { QW_BCQ_LAYOUT = 1 };
enum { QW_BCQ_TILE = 16, QW_BCQ_WORD = 32, QW_BCQ_BITS = 4, QW_BCQ_MOST_ROWS = 8 };

typedef struct qw_bcq_weight {
  qw_weight base;
  int bits;
  int doubling;  // alpha[i] = 2^i alpha[0]: one alpha is kept
  int64_t tiles, groups, words;  // words: of 32 packed columns, in a row
  qw_type alpha_type, bias_type;
  int64_t* group_begin;  // [groups + 1] in words
  int32_t* columns;      // [words * 32] or NULL
  uint32_t* planes;
  uint8_t* alpha;
  uint8_t* q_bias;  // NULL: none
} qw_bcq_weight;

// x in packed order, and what is made of it once per call.
typedef struct qw_bcq_x {
  const float* values;  // [m][words * 32], rows `ld` apart
  int64_t ld;
  float* tables;  // [m][words][table_floats of the kernels]
  float* sums;    // [m][groups], where there is a q_bias
} qw_bcq_x;

typedef struct qw_bcq_kernels {
  int rows;          // most rows of x that stream takes
  int table_floats;  // of the tables of a word of columns
  // Tables of `words` words of columns of one row of x; `tables` is 64-byte aligned.
  void (*build)(const float* x, int64_t words, float* tables);
  // y[i * ldy + row] for the rows of tiles [begin, end) and m <= rows rows of x, the first of them row `first` of qw_bcq_x.
  void (*stream)(const qw_bcq_weight* weight, const qw_bcq_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end);
  qw_panel_fill fill;  // f32 panels for many rows of x; NULL: none
} qw_bcq_kernels;

extern const qw_codec qw_codec_bcq;
void qw_bcq_save(const qw_weight* weight, qw_saved* out);
qw_status qw_bcq_restore(const qw_saved* saved, qw_weight** out);
extern const qw_bcq_kernels qw_bcq_serial;
extern const qw_bcq_kernels qw_bcq_avx2;
extern const qw_bcq_kernels qw_bcq_avx512;
extern const qw_bcq_kernels qw_bcq_neon;

static inline int qw_bcq_alphas(const qw_bcq_weight* weight) { return weight->doubling ? 1 : weight->bits; }
static inline size_t qw_bcq_plane_bytes(const qw_bcq_weight* weight) {
  return (size_t)(weight->tiles * weight->words * weight->bits) * QW_BCQ_TILE * sizeof(uint32_t);
}
static inline size_t qw_bcq_alpha_bytes(const qw_bcq_weight* weight) {
  return (size_t)(weight->tiles * weight->groups * qw_bcq_alphas(weight) * QW_BCQ_TILE * qw_type_bytes(weight->alpha_type));
}
static inline size_t qw_bcq_bias_bytes(const qw_bcq_weight* weight) {
  return (size_t)(weight->tiles * weight->groups * QW_BCQ_TILE * qw_type_bytes(weight->bias_type));
}

// Of a row of a tile, for what is not time-critical.
static inline float qw_bcq_alpha(const qw_bcq_weight* weight, int64_t tile, int64_t group, int bit, int row) {
  const int alphas = qw_bcq_alphas(weight);
  const int64_t at = ((tile * weight->groups + group) * alphas + (weight->doubling ? 0 : bit)) * QW_BCQ_TILE + row;
  const float alpha = qw_read_typed(weight->alpha_type, weight->alpha, at);
  return weight->doubling ? alpha * (float)(1 << bit) : alpha;
}
static inline float qw_bcq_bias(const qw_bcq_weight* weight, int64_t tile, int64_t group, int row) {
  if (weight->q_bias == NULL) return 0;
  return qw_read_typed(weight->bias_type, weight->q_bias, (tile * weight->groups + group) * QW_BCQ_TILE + row);
}
// The weight at a packed position: q_bias +- alpha[0] +- alpha[1] ..., f32, in this order at every level.
static inline float qw_bcq_value(const qw_bcq_weight* weight, int64_t tile, int64_t group, int row, int64_t position) {
  float value = qw_bcq_bias(weight, tile, group, row);
  for (int bit = 0; bit < weight->bits; ++bit) {
    const uint32_t word = weight->planes[((tile * weight->words + position / QW_BCQ_WORD) * weight->bits + bit) * QW_BCQ_TILE + row];
    const float alpha = qw_bcq_alpha(weight, tile, group, bit, row);
    value += (word >> (position % QW_BCQ_WORD) & 1) != 0 ? alpha : -alpha;
  }
  return value;
}
