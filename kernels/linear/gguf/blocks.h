// Block types of GGUF files as the grouped layout holds them: the same codes, the same scales, no rounding (README.md draws each block).
// Facts from ggml: src/ggml-common.h :: block_*, src/ggml-quants.c :: dequantize_row_*.
#pragma once
#include <stdint.h>

#include "linear/grouped/grouped.h"

typedef struct qw_gguf_facts {
  qw_gguf_type type;
  const char* name;
  const char* codec;
  int64_t block, bytes;  // weights and bytes of a block
  int64_t group_size;    // weights under one scale
  int offset;            // w = (code - offset) * scale - minimum
  qw_param_form form;
} qw_gguf_facts;

// NULL: there is no such type.
const qw_gguf_facts* qw_gguf_facts_of(qw_gguf_type type);

// Codes of rows [row, row + count) as bytes, row r from codes + r * ld on.
void qw_gguf_unpack_band(qw_gguf_type type, const void* data, int64_t cols, int64_t row, int64_t count, uint8_t* codes, int64_t ld);

// Parameters of the tile that begins at `row`, as params.h lays them; rows past the end are zeros. The result is the first row with a
// scale that is not finite, or -1.
int64_t qw_gguf_pack_params(const qw_affine* affine, int64_t row, uint8_t* params);
