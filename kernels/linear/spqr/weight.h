// SpQR weights as checkpoints store them: what qw_weight_spqr packs.
#pragma once
#include "abi/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

// w = (code - zero) * scale + outlier. 16 neighbouring rows make a tile; at every group they share
//   scale = scale_step * (scale_level - scale_zero),  zero = zero_step * (zero_level - zero_zero).
// All data may be unaligned (a mapped file), little endian.
typedef struct qw_spqr {
  int64_t rows, cols, group_size;
  int bits, scale_bits, zero_bits;
  qw_codes codes;           // unsigned
  const int32_t* g_idx;     // [cols] or NULL
  const uint8_t* second;    // f16 [tiles, groups, 4]: scale_step, scale_zero, zero_step, zero_zero
  const uint8_t* levels;    // uint16 [tiles, groups, scale_bits + zero_bits]: bit r of word b is bit b of row r's level
  int64_t outliers;
  const uint8_t* counts;    // uint16 [rows] outliers of every row
  const uint8_t* columns;   // [outliers], rising in a row: uint16, or int32 when cols is above 65536
  const uint8_t* values;    // f16 [outliers]
} qw_spqr;

// Everything is copied into the packed form (parallel over the pool).
qw_status qw_weight_spqr(const qw_spqr* stored, qw_pool* pool, qw_weight** out);

#ifdef __cplusplus
}
#endif
