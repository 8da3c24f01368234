// A QRazor weight as it comes from a quantizer or a checkpoint: w = code * 2^shift * scale (solve/qrazor).
#pragma once
#include "abi/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_qrazor_stored {
  int64_t rows, cols;
  int64_t group_size;     // integers that share a shift: 8, 16, 32, 64 or 128; divides cols when groups lie along inputs
  int along_outputs;      // groups are rows of a column, not columns of a row
  int base_bits;          // 8 or 16: integers before they were razored; shifts are at most base_bits - bits + 1
  int bits;               // 3, 4 or 8
  qw_codes codes;         // signed
  const uint8_t* shifts;  // one a byte: [rows, cols / group_size], or [ceil(rows / group_size), cols]
  const float* scale;     // [rows]
} qw_qrazor_stored;

// Everything is copied into the packed form (parallel over the pool).
qw_status qw_weight_qrazor(const qw_qrazor_stored* stored, qw_pool* pool, qw_weight** out);

#ifdef __cplusplus
}
#endif
