// Codec llm_int8: 8-bit weights per channel; columns of x with large values stay in floating point, the others are quantized per token when
// the product is taken (LLM.int8(), arXiv 2208.07339).
//
//   O   = columns k with |x[i, k]| >= threshold in any row i of the product             threshold 0: none
//   s_x = max |x[k]| / 127 over |x[k]| < threshold,  q_x[k] = rint(x[k] / s_x), 0 for k in O     per row of x, half to even
//   y   = (acc - r * zero) * (s_x * scale) + bias + sum over k in O of x[k] * w[k],   w = (code - zero) * scale
//
// acc = sum q_w q_x is exact in int32 and the integer part is w8a8's to the bit; the columns of O are added to it one by one, in their
// order, with one rounding each (fma), so that every level gives the same bits. bitsandbytes does the second part in f16. Layout: that of
// w8a8 (linear/w8a8/codec.h), and the threshold. Not finite in x is an outlier: its row of y is not finite, the others are.
#pragma once
#include "linear/w8a8/codec.h"

typedef struct qw_llm_int8_weight {
  qw_weight base;
  qw_weight* product;  // of codec w8a8
  float threshold;
} qw_llm_int8_weight;

// The outlier columns of a product: where they are in the weight, ascending, and where in what add_columns is given as x.
typedef struct qw_llm_int8_columns {
  int64_t count;
  const int32_t *of_weight, *of_x;
} qw_llm_int8_columns;

// |x| is compared as bits, which order as the magnitudes do; NaN is above infinity. An element is an outlier where its bits are >= limit,
// which is at least 1 and at most QW_LLM_INT8_NO_LIMIT.
enum : uint32_t { QW_LLM_INT8_NO_LIMIT = 0x80000000u };

typedef struct qw_llm_int8_kernels {
  // most[k] = largest magnitude, as bits, of column k in m rows of x, for begin <= k < end.
  void (*column_most)(const float* x, int64_t ldx, int64_t m, int64_t begin, int64_t end, uint32_t* most);
  // One row of x -> q[cols] (0 for outlier elements), s_x, r. Zeros and s_x as w8a8 has them where nothing else can be.
  void (*quantize)(const float* x, int64_t cols, uint32_t limit, int8_t* q, float* scale, int32_t* sum);
  // y[m, rows of the tiles] (ldy) += x[m, places] times the columns of the weight, one after the other.
  void (*add_columns)(const qw_w8a8_weight* weight, const float* x, int64_t ldx, int64_t m, const qw_llm_int8_columns* columns, float* y,
                      int64_t ldy, int64_t tile_begin, int64_t tile_end);
} qw_llm_int8_kernels;

extern const qw_codec qw_codec_llm_int8;
extern const qw_llm_int8_kernels qw_llm_int8_serial;
extern const qw_llm_int8_kernels qw_llm_int8_avx2;
extern const qw_llm_int8_kernels qw_llm_int8_avx512;
extern const qw_llm_int8_kernels qw_llm_int8_neon;

// threshold: at least 0, finite. Refuses what w8a8 refuses: groups, g_idx, more than 65536 columns.
qw_status qw_llm_int8_pack(const qw_affine* affine, float threshold, qw_pool* pool, qw_weight** out);
