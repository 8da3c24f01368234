// Codec spqr: 2-, 3- or 4-bit codes in the lines of linear/grouped, parameters in the form BILEVEL (quantized scales and zeros, as they are stored),
// and sparse outliers that are added in the same pass.
//
//   y[m, n] = sum over groups of scale (sum code x - zero X)  +  sum over outliers of row n of value * x[m, column]
//
//   codes, params   as grouped.h; the columns of a group are gathered (act-order), and so is x
//   row_begin       [rows + 1] int32
//   places          [outliers] packed position of the column, rising in a row: uint16, or uint32 when there are more than 65536 positions
//   values          [outliers] f16
#pragma once
#include "linear/grouped/grouped.h"
#include "linear/spqr/weight.h"

typedef struct qw_spqr_weight {
  qw_grouped dense;  // first: the kernels of the width compute on it
  int32_t* row_begin;
  void* places;
  uint16_t* values;
  int wide;  // places are uint32
} qw_spqr_weight;

// y[i * ldy + row] += the outliers of rows [begin, end), for m rows of x ([m][ld], packed order).
typedef void qw_spqr_add(const qw_spqr_weight* weight, const float* x, int64_t ld, int m, float* y, int64_t ldy, int64_t begin, int64_t end);

extern const qw_codec qw_codec_spqr;
qw_spqr_add qw_spqr_add_serial, qw_spqr_add_avx2, qw_spqr_add_avx512, qw_spqr_add_neon;
void qw_spqr_destroy(qw_weight* weight);
void qw_spqr_save(const qw_weight* weight, qw_saved* out);
qw_status qw_spqr_restore(const qw_saved* saved, qw_weight** out);

static inline int64_t qw_spqr_place(const qw_spqr_weight* weight, int64_t at) {
  return weight->wide ? (int64_t)((const uint32_t*)weight->places)[at] : ((const uint16_t*)weight->places)[at];
}
