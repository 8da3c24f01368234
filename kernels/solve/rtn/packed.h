// Round-to-nearest of one matrix straight into the bytes of its checkpoint tensors, in bands of rows: what a band becomes is handed out as soon as it is done, so
// that memory holds one band however large the matrix is. Codes, scales and zeros are those of qw_rtn, bit for bit.
//
// A task takes 32 rows: it rounds them one by one, squeezes every row's codes into words, and turns the words of the 32 around where the layout keeps words of
// neighbouring rows together. Cost beside the rounding: about one instruction a code.
#pragma once
#include "solve/rtn/rtn.h"

#ifdef __cplusplus
extern "C" {
#endif

// Words: pack/pack.h; unsigned codes, signed ones moved up by 2^(bits-1). Integer zeros belong to those unsigned codes.
typedef enum qw_rtn_part_kind {
  QW_RTN_CODE_BYTES = 0,           // [rows, cols], int8 when is_signed
  QW_RTN_CODE_WORDS_BY_COLUMN = 1, // [words(cols), rows] (GPTQ)
  QW_RTN_CODE_WORDS_BY_ROW = 2,    // [rows, words(cols)] (compressed-tensors)
  QW_RTN_SCALES_BY_ROW = 3,        // [rows, groups] of `type`
  QW_RTN_SCALES_BY_GROUP = 4,      // [groups, rows] of `type`
  QW_RTN_ZEROS_BY_ROW = 5,         // as scales, of the codes as the dialect makes them
  QW_RTN_ZEROS_BY_GROUP = 6,
  QW_RTN_ZERO_BYTES = 7,           // [rows, groups] int8: integer zeros of signed codes
  QW_RTN_ZERO_WORDS_BY_GROUP = 8,  // [groups, words(rows)]: integer zeros - less, modulo 2^bits
  QW_RTN_ZERO_WORDS_BY_ROW = 9,    // [words(rows), groups]: likewise
} qw_rtn_part_kind;

#define QW_RTN_PART_KINDS 10
#define QW_RTN_MAX_PARTS 4
#define QW_RTN_TILE_ROWS 32

typedef struct qw_rtn_part {
  qw_rtn_part_kind kind;
  qw_type type;   // of scales and zeros; must hold what options.scale_type holds
  int is_signed;  // of bytes
  int less;       // of zero words: 0, or 1 (GPTQ v1)
} qw_rtn_part;

// `pieces` pieces of piece_bytes, one after the other in `data`; piece i belongs at byte offset + i * stride of the part.
typedef struct qw_rtn_region {
  int64_t offset, stride, pieces, piece_bytes;
  const void* data;
} qw_rtn_region;

typedef struct qw_rtn_out {
  void* context;
  // Called on the calling thread, band after band. Another status than QW_OK ends the rounding with it.
  qw_status (*write)(void* context, int part, const qw_rtn_region* region);
  // These rows of the source are not read again (until the next pass of a search); may be null.
  void (*rows_done)(void* context, int64_t row, int64_t count);
  int64_t band_rows;  // a multiple of 32, or all rows
  int64_t step_rows;  // rows between two calls of rows_done; a multiple of 32
} qw_rtn_out;

// Bytes of the whole part.
int64_t qw_rtn_part_bytes(const qw_rtn_part* part, const qw_rtn_options* options, int64_t rows, int64_t cols);

// Rows that are not finite are reported as by qw_rtn; what was written is of no use then.
qw_status qw_rtn_packed(const qw_dense* source, const qw_rtn_options* options, const qw_rtn_part* parts, int count, const qw_rtn_out* out,
                        qw_pool* pool, qw_rtn_result* result);

#ifdef __cplusplus
}
#endif
