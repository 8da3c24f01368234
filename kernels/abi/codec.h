// A codec: how a weight matrix W [rows, cols] is packed in memory, and the kernels that compute on the packed form.
// One folder per codec under kernels/linear/<codec>/. Adding one: the folder, and one line in kernels/linear/codecs.cc.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pool.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qw_type { QW_F32 = 0, QW_F16 = 1, QW_BF16 = 2 } qw_type;

// What a dense matrix looks like in a checkpoint. data may be unaligned.
typedef struct qw_dense {
  qw_type type;
  int64_t rows, cols;
  const void* data;
} qw_dense;

// How the codes of a weight W [rows, cols] lie in memory; data may be unaligned (a mapped file). Words: pack/pack.h.
typedef enum qw_code_layout {
  QW_CODES_BYTES = 0,  // [rows, cols], one code per byte; signed codes are int8
  QW_CODES_GPTQ = 1,   // words [ceil(cols * bits / 32), rows]; signed codes are stored + 2^(bits - 1)
  QW_CODES_ROWS = 2,   // words [rows, ceil(cols * bits / 32)]; signed codes likewise
  QW_CODES_AWQ = 3,    // words [cols, rows / 8] of 4 bits: field i of a word is output 0, 2, 4, 6, 1, 3, 5, 7 of its eight (AutoAWQ GEMM)
  QW_CODES_GGUF = 4,   // [rows, cols / block] blocks of a GGUF type, which hold their own scales
  QW_CODES_PLANES = 5,  // bytes, or for 3 bits 32-bit words: qw_unpack_planes_band of pack/pack.h (HQQ); group_size must divide cols
  QW_CODES_FIELDS = 6,  // words [rows, ceil(cols / (32 / bits))] of 32 / bits whole codes each; signed codes likewise
} qw_code_layout;

// Block types of GGUF files, by their numbers there.
typedef enum qw_gguf_type {
  QW_GGUF_Q4_0 = 2,
  QW_GGUF_Q4_1 = 3,
  QW_GGUF_Q5_0 = 6,
  QW_GGUF_Q5_1 = 7,
  QW_GGUF_Q8_0 = 8,
  QW_GGUF_Q2_K = 10,
  QW_GGUF_Q3_K = 11,
  QW_GGUF_Q4_K = 12,
  QW_GGUF_Q5_K = 13,
  QW_GGUF_Q6_K = 14,
} qw_gguf_type;

typedef struct qw_codes {
  qw_code_layout layout;
  int bits;  // of a field of the words: 2 to 8, of planes 1, 2, 3, 4 or 8; the qw_gguf_type of QW_CODES_GGUF; bytes ignore it
  int is_signed;
  const void* data;
} qw_codes;

// Scales or zero points, which may be fractional: [rows, groups], or [groups, rows] when by_group. data may be unaligned.
typedef struct qw_params {
  qw_type type;
  int by_group;
  const void* data;
} qw_params;

// Affine weight to be packed: w = (code - zero) * scale. groups = ceil(cols / group_size); group_size is 1..cols here (never -1).
typedef struct qw_affine {
  int64_t rows, cols, group_size;
  qw_codes codes;
  qw_params scale, zero;
  const int32_t* g_idx;  // [cols] or NULL
  qw_type scale_type;    // how scale and zero are kept in the packed form
} qw_affine;

// 4-bit codes into a table of 16 values, as bitsandbytes stores NF4 and FP4: w[i] = table[code i] * absmax[i / block], i = row * cols + column.
// Two codes a byte, the first in the high nibble; block runs over the ends of rows. data may be unaligned.
typedef struct qw_table4 {
  int64_t rows, cols, block;
  const void* codes;    // [ceil(rows * cols / 2)] bytes
  const float* absmax;  // [ceil(rows * cols / block)]
  float table[16];
} qw_table4;

typedef enum qw_f8_type { QW_F8_E4M3 = 0, QW_F8_E5M2 = 1 } qw_f8_type;

// 8-bit floats [rows, cols] with a scale per tile of scale_rows x scale_cols weights: w = data * scale. E4M3 is the variant without
// infinities (float8_e4m3fn); scale [ceil(rows / scale_rows), ceil(cols / scale_cols)].
typedef struct qw_f8 {
  qw_f8_type type;
  int64_t rows, cols;
  const void* data;
  const float* scale;
  int64_t scale_rows, scale_cols;
} qw_f8;

struct qw_weight;

// What a codec says of a packed weight for saving it (abi/saved.h): numbers of its own, and the memory it consists of.
enum { QW_SAVED_FIELDS = 12, QW_SAVED_PARTS = 8 };
typedef struct qw_saved_part {
  const void* data;
  size_t bytes;
} qw_saved_part;
typedef struct qw_saved {
  int64_t rows, cols;
  int64_t fields[QW_SAVED_FIELDS];
  qw_saved_part parts[QW_SAVED_PARTS];  // 64-byte aligned when restored; unused ones are empty
} qw_saved;

typedef struct qw_codec {
  const char* name;
  // Bytes of scratch that matmul wants for m rows of x (shared by all threads of the pool).
  size_t (*scratch_bytes)(const struct qw_weight* weight, int64_t m);
  // y[m, rows] (leading dimension ldy) = x[m, cols] (ldx) W^T + bias (NULL: none). x and y do not overlap. Parallel over the pool.
  void (*matmul)(const struct qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy,
                 void* scratch, qw_pool* pool);
  // out [row_count, cols] f32 from the packed form.
  void (*dequantize)(const struct qw_weight* weight, int64_t row_begin, int64_t row_count, float* out);
  void (*destroy)(struct qw_weight* weight);
  // The version of the packed layout, raised with every change of it, and the pair that saves it. NULL: not saved.
  int layout;
  void (*save)(const struct qw_weight* weight, qw_saved* out);
  // A weight over the parts where they lie (base.borrowed is set). Refuses what does not fit together.
  qw_status (*restore)(const qw_saved* saved, struct qw_weight** out);
} qw_codec;

// Base of every packed weight; codecs put it first in their own struct.
typedef struct qw_weight {
  const qw_codec* codec;
  int64_t rows, cols;
  size_t bytes;  // of the packed form
  int borrowed;  // restored: the memory belongs to somebody else
} qw_weight;

// Dense weights point into dense->data, which must outlive them. Codec names: "dense" (f32, f16, bf16 as stored).
qw_status qw_weight_dense(const qw_dense* dense, qw_weight** out);
// Blocks of a GGUF type, `cols` a multiple of the type's block: held by the grouped codec of their bits, with their own scales.
qw_status qw_weight_gguf(qw_gguf_type type, int64_t rows, int64_t cols, const void* data, qw_pool* pool, qw_weight** out);
// codec: "q8", "q6", "q5", "q4", "q3", "q2" or "w8a8". Everything is copied into the packed form (parallel over the pool).
qw_status qw_weight_affine(const char* codec, const qw_affine* affine, qw_pool* pool, qw_weight** out);
// Everything is copied into the packed form (parallel over the pool).
qw_status qw_weight_table4(const qw_table4* table4, qw_pool* pool, qw_weight** out);
// Computes on f8->data, which must outlive the weight; the scales are copied.
qw_status qw_weight_f8(const qw_f8* f8, qw_weight** out);
void qw_weight_free(qw_weight* weight);

#ifdef __cplusplus
}
#endif
