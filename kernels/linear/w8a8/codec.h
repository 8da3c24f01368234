// Codec w8a8: codes of up to 8 bits per channel, activations quantized per token or per tensor when the product is taken.
//
//   x = (q_x - zero_x[m]) * s_x[m]                                                  by a rule of int8/activations.h (int8/tokens)
//   acc[m, n] = sum_k q_w q_x exact in int32,  r[m] = sum_k q_x,  centre[n] = sum_k (q_w - zero[n])
//   y[m, n] = (acc - r[m] * zero[n] - zero_x[m] * centre[n]) * (s_x[m] * scale[n]) + bias[n]               in f64
//
// Layout. 16 weight rows make a tile; a 32-bit lane per row holds 4 consecutive columns (columns padded to 4 with zero activations):
//
//   codes   [tile][quad][row 0..15][4 bytes], unsigned: code + offset (128 for signed codes, else 0); acc = acc_u - offset * r
//   params  [tile][scale x 16][zero x 16] in scale_type
//   centres [tile][16] f64, only where activations have zeros
//
// Activations of up to `height` rows form a block (qw_w8a8_order). At most 65536 columns: 255 * 128 * 65536 < 2^31.
#pragma once
#include "abi/codec.h"
#include "linear/int8/activations.h"

enum { QW_W8A8_TILE_ROWS = 16, QW_W8A8_QUAD_BYTES = 64, QW_W8A8_MOST_COLS = 65536, QW_W8A8_MOST_HEIGHT = 32 };

typedef struct qw_w8a8_weight {
  qw_weight base;
  int64_t tiles, quads;
  int32_t offset;
  qw_type scale_type;
  uint8_t* codes;
  void* params;
  double* centres;  // NULL: none
  qw_activations activations;
} qw_w8a8_weight;

// How the activations of a block lie.
//
//   quads  [quad][row][4 x int8]
//   wide   [quad][row][4 x int16], columns in the order 0 2 1 3, for kernels that multiply in 16 bits
//   split  quads whose sums of two products fit in 16 bits: pairs of columns with |q0 + q1| > 128 keep half of their values here (255 * 128 < 2^15).
//          The other halves follow, for every row `quads` words of 32 bits: their count, then for each its quad and the 4 x int8.
//   rows   [row][quads * 4], for AMX
typedef enum qw_w8a8_order { QW_W8A8_QUADS = 0, QW_W8A8_WIDE = 1, QW_W8A8_ROWS = 2, QW_W8A8_SPLIT = 3 } qw_w8a8_order;

typedef struct qw_w8a8_block {
  const void* values;
  qw_w8a8_order order;
  int height;
  const float* scales;  // [height] s_x
  const int32_t* sums;  // [height] r
  const double* zeros;  // [height] zero_x; NULL: all 0
} qw_w8a8_block;

typedef struct qw_w8a8_kernels {
  int height;           // most rows of a block, <= QW_W8A8_MOST_HEIGHT
  qw_w8a8_order order;  // of the activations of a block; split: or wide, where too many pairs would be halved
  void (*multiply)(const qw_w8a8_weight* weight, const qw_w8a8_block* x, const float* bias, float* y, int64_t ldy, int64_t tile_begin,
                   int64_t tile_end);
} qw_w8a8_kernels;

extern const qw_codec qw_codec_w8a8;
extern const qw_w8a8_kernels qw_w8a8_serial;
extern const qw_w8a8_kernels qw_w8a8_avx2;
extern const qw_w8a8_kernels qw_w8a8_avxvnni;
extern const qw_w8a8_kernels qw_w8a8_avx512;
extern const qw_w8a8_kernels qw_w8a8_avx512vnni;
extern const qw_w8a8_kernels qw_w8a8_amx;
extern const qw_w8a8_kernels qw_w8a8_neon;
extern const qw_w8a8_kernels qw_w8a8_neondot;

// Raise it with every change of the layout above: saved weights of another one are made anew.
enum { QW_W8A8_LAYOUT = 2 };
void qw_w8a8_save(const qw_weight* weight, qw_saved* out);
qw_status qw_w8a8_restore(const qw_saved* saved, qw_weight** out);
// For activations by DashInfer's rule, and for any of kinds token and tensor (checked by the caller: qw_check_activations).
qw_status qw_w8a8_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out);
qw_status qw_w8a8_pack_for(const qw_affine* affine, const qw_activations* activations, qw_pool* pool, qw_weight** out);
