// Reads a qw_affine band by band while a codec packs it: 64 weight rows at a time become bytes in the core's cache (or stay where they
// are), so that no unpacked copy of a layer exists. Serial; a task of the pool takes whole bands.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "abi/codec.h"

enum { QW_BAND_ROWS = 64 };

// Row r of the band, column c: codes[r * ld + c].
typedef struct qw_band {
  int64_t row, count;
  const uint8_t* codes;
  int64_t ld;
} qw_band;

inline int64_t qw_bands(const qw_affine* affine) { return (affine->rows + QW_BAND_ROWS - 1) / QW_BAND_ROWS; }
// `scratch` is the caller's, kept between bands. Throws std::bad_alloc.
qw_band qw_read_band(const qw_affine* affine, int64_t band, std::vector<uint8_t>& scratch);

// What turns a byte of a band into an unsigned code of `bits`, modulo 256: 2^(bits-1) for signed codes, less what words already add.
int qw_stored_offset(const qw_affine* affine, int bits);

// 16 values of `group` from row `row` on, as scale_type; rows past the end are zeros. The result is the first row whose value is not
// finite or not exact in scale_type, or -1.
int64_t qw_read_params(const qw_affine* affine, const qw_params* params, int64_t groups, int64_t row, int64_t group, void* out);
float qw_read_param(const qw_affine* affine, const qw_params* params, int64_t groups, int64_t row, int64_t group);

// Layouts, widths and types that exist.
qw_status qw_check_stored(const qw_affine* affine, const char* codec);
// That scale or zero of (row, group) cannot be kept.
qw_status qw_not_exact(const qw_affine* affine, const char* codec, int64_t groups, int64_t row, int64_t group);
