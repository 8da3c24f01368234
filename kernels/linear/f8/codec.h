// Codec f8: 8-bit floats (e4m3fn or e5m2) as the checkpoint stores them, row-major, used where they lie (possibly unaligned, in a mapped
// file), with an f32 scale per tile of scale_rows x scale_cols weights.
//
//   y[m, n] = sum over column tiles c of  scale[n / scale_rows, c] * sum over k in c of data[n, k] * x[m, k]
//
// e4m3fn  s eeee mmm   bias 7: 2^(e-7) * 1.mmm, 2^-6 * 0.mmm for e = 0; s 1111 111 is NaN, and there is no infinity
// e5m2    s eeeee mm   the upper byte of an f16
//
// Both become f32 through f16: the bits of an e4m3fn, set one place right of those of an f16, are its value times 2^-8, subnormals too.
#pragma once
#include "abi/codec.h"
#include "linear/float16.h"
#include "linear/panel/panel.h"

enum { QW_F8_ROWS = 4, QW_F8_MOST_ROWS = 8 };  // rows of x a streaming pass takes; rows of x above which panels win

typedef struct qw_f8_weight {
  qw_weight base;
  qw_f8_type type;
  const uint8_t* data;
  int64_t scale_rows, scale_cols, scales;  // scales: column tiles of a row
  float* scale;                            // [row tiles][scales]
} qw_f8_weight;

typedef struct qw_f8_kernels {
  // y[i * ldy + row] for weight rows [begin, end) and m <= QW_F8_ROWS rows of x.
  void (*stream)(const qw_f8_weight* weight, const float* x, int64_t ldx, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end);
  qw_panel_fill fill;  // NULL: no panel route
} qw_f8_kernels;

extern const qw_codec qw_codec_f8;
extern const qw_f8_kernels qw_f8_serial;
extern const qw_f8_kernels qw_f8_avx2;
extern const qw_f8_kernels qw_f8_avx512;
extern const qw_f8_kernels qw_f8_neon;

// The specification of the two types.
static inline float qw_f8_to_f32(qw_f8_type type, uint8_t byte) {
  if (type == QW_F8_E5M2) return qw_f16_to_f32((uint16_t)(byte << 8));
  if ((byte & 0x7f) == 0x7f) return qw_float_from_bits((uint32_t)(byte & 0x80) << 24 | 0x7fc00000u);
  return qw_f16_to_f32((uint16_t)((byte & 0x80) << 8 | (byte & 0x7f) << 7)) * 256.0f;
}

static inline const float* qw_f8_row_scales(const qw_f8_weight* weight, int64_t row) {
  return weight->scale + row / weight->scale_rows * weight->scales;
}
