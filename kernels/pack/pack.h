// Packing of codes of 2 to 8 bits into 32-bit little-endian words, as checkpoints store them, and widening of dense matrices.
// A line of n codes is one contiguous little-endian bit stream of n*bits bits, padded with zeros to whole words:
// for 2, 4 and 8 bits word j holds codes j*(32/bits)+i at bits bits*i; for other widths 32 codes fill `bits` words, and some lie in two.
#pragma once
#include <stdint.h>

#include "abi/codec.h"
#include "abi/pool.h"
#include "abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// ceil(count * bits / 32)
int64_t qw_pack_words(int64_t count, int bits);

// GPTQ qweight: codes [rows, cols] (rows = outputs) -> words [qw_pack_words(cols), rows]; every column of words is one row's stream.
// A code that needs more than `bits` bits is refused with its row and column.
qw_status qw_pack_gptq(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words);
// words may be unaligned (a mapped file).
qw_status qw_unpack_gptq(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes);

// Along the last dimension (GPTQ qzeros, compressed-tensors weight_packed): codes [rows, cols] -> words [rows, qw_pack_words(cols)].
qw_status qw_pack_rows(const uint8_t* codes, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint32_t* words);
qw_status qw_unpack_rows(const void* words, int64_t rows, int64_t cols, int bits, qw_pool* pool, uint8_t* codes);

// Rows [row, row + count) of the same matrices, on the calling thread: codes[(r - row) * ld + column]. bits is not checked.
void qw_unpack_gptq_band(const void* words, int64_t rows, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld);
void qw_unpack_rows_band(const void* words, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld);

// The same of words [rows, ceil(cols / fields)] with fields = 32 / bits whole codes each, at bits bits*i, and unused bits above them (the
// packing of compressed-tensors until October 2025; for 2, 4 and 8 bits no other than the one above).
int64_t qw_field_words(int64_t count, int bits);
void qw_unpack_fields_band(const void* words, int64_t cols, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld);

// The same of AutoAWQ's GEMM layout: words [cols, rows / 8], 4 bits; row and count are multiples of 8.
void qw_unpack_awq_band(const void* words, int64_t rows, int64_t cols, int64_t row, int64_t count, uint8_t* codes, int64_t ld);

// HQQ: the codes of [rows, cols] as lines of group_size, the lines in planes of equally many (the last is padded for 3 bits); word i holds code i
// of every plane, the first plane in the highest bits. A word is a byte of 8 / bits fields, for 3 bits 32 bits of 10 fields.
static inline int64_t qw_plane_fields(int bits) { return bits == 3 ? 10 : 8 / bits; }
static inline int64_t qw_plane_word_bytes(int bits) { return bits == 3 ? 4 : 1; }
// Codes of a plane, which is also the number of words.
int64_t qw_plane_codes(int64_t rows, int64_t cols, int64_t group_size, int bits);
// 1, 2, 3, 4 or 8 bits; plane as qw_plane_codes gives it.
void qw_unpack_planes_band(const void* words, int64_t cols, int64_t plane, int bits, int64_t row, int64_t count, uint8_t* codes, int64_t ld);

// f32 copy [rows, cols] of a stored matrix (f16 and bf16 widen exactly).
qw_status qw_widen(const qw_dense* source, qw_pool* pool, float* out);

#ifdef __cplusplus
}
#endif
