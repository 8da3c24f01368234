// The parameters of a group in every form (grouped.h): where they lie, and their plain reading; params_avx2.h and params_avx512.h read 8 or 16
// rows at once. Forms with levels:
//   [tile][256 columns][d x 16][e x 16] f16, then for every group of them [s x 16][m x 16] int8 (LEVELS: no e and m; NIBBLES: one byte for both)
// BILEVEL:
//   [tile][group][step, zero of the scales][step, zero of the zeros] f16, then the bits of the 16 scale levels, lowest first, a uint16 for each (bit r
//   is row r's), then those of the zero levels
#pragma once
#include "linear/grouped/grouped.h"

enum { QW_LEVEL_COLUMNS = 256 };

// One row's. w = ((code - offset) - zero) * scale - minimum
typedef struct qw_group_params {
  float scale, zero, minimum;
} qw_group_params;

static inline int qw_params_have_minimum(qw_param_form form) { return form == QW_PARAMS_MINIMUM || form == QW_PARAMS_LEVELS_MINIMUM || form == QW_PARAMS_NIBBLES; }
static inline int qw_params_have_levels(qw_param_form form) { return form >= QW_PARAMS_LEVELS && form <= QW_PARAMS_NIBBLES; }

// Groups under one d.
static inline int64_t qw_level_groups(const qw_grouped* weight) { return weight->groups * QW_LEVEL_COLUMNS / weight->base.cols; }

// Bytes of a group's own parameters, and of a block of 256 columns.
static inline int64_t qw_level_group_bytes(qw_param_form form) { return form == QW_PARAMS_LEVELS_MINIMUM ? 2 * QW_TILE_ROWS : QW_TILE_ROWS; }
static inline int64_t qw_level_bytes(const qw_grouped* weight) {
  return (qw_params_have_minimum(weight->form) ? 4 : 2) * QW_TILE_ROWS + qw_level_groups(weight) * qw_level_group_bytes(weight->form);
}

static inline int64_t qw_params_tile_bytes(const qw_grouped* weight) {
  if (qw_params_have_levels(weight->form)) return weight->base.cols / QW_LEVEL_COLUMNS * qw_level_bytes(weight);
  return weight->groups * weight->param_bytes;
}

static inline size_t qw_grouped_param_bytes(const qw_grouped* weight) { return (size_t)(weight->tiles * qw_params_tile_bytes(weight)); }

// The f16 of a block of 256 columns: d x 16, then e x 16.
static inline const uint16_t* qw_level_halves(const qw_grouped* weight, int64_t tile, int64_t level) {
  return (const uint16_t*)(weight->params + tile * qw_params_tile_bytes(weight) + level * qw_level_bytes(weight));
}

// The bytes of a group: s x 16, then m x 16.
static inline const int8_t* qw_level_group(const qw_grouped* weight, const uint16_t* halves, int64_t within) {
  return (const int8_t*)(halves + (qw_params_have_minimum(weight->form) ? 2 : 1) * QW_TILE_ROWS) + within * qw_level_group_bytes(weight->form);
}

// Level of a row from its bits.
static inline float qw_read_level(const uint16_t* planes, int bits, int lane) {
  int level = 0;
  for (int bit = 0; bit < bits; ++bit) level |= (planes[bit] >> lane & 1) << bit;
  return (float)level;
}

static inline qw_group_params qw_read_group(const qw_grouped* weight, int64_t tile, int64_t group, int lane) {
  qw_group_params out = {0, 0, 0};
  if (weight->form == QW_PARAMS_BILEVEL) {
    const uint16_t* halves = (const uint16_t*)qw_grouped_params(weight, tile, group);
    const uint16_t* planes = halves + 4;
    out.scale = qw_f16_to_f32(halves[0]) * (qw_read_level(planes, weight->scale_bits, lane) - qw_f16_to_f32(halves[1]));
    out.zero = qw_f16_to_f32(halves[2]) * (qw_read_level(planes + weight->scale_bits, weight->zero_bits, lane) - qw_f16_to_f32(halves[3]));
    return out;
  }
  if (!qw_params_have_levels(weight->form)) {
    out.scale = qw_grouped_scale(weight, tile, group, lane);
    const float second = qw_grouped_zero(weight, tile, group, lane);
    *(weight->form == QW_PARAMS_ZERO ? &out.zero : &out.minimum) = second;
    return out;
  }
  const int64_t per_level = qw_level_groups(weight);
  const uint16_t* halves = qw_level_halves(weight, tile, group / per_level);
  const int8_t* own = qw_level_group(weight, halves, group % per_level);
  const int nibbles = weight->form == QW_PARAMS_NIBBLES;
  out.scale = qw_f16_to_f32(halves[lane]) * (float)(nibbles ? own[lane] & 15 : own[lane]);
  if (qw_params_have_minimum(weight->form)) {
    const int m = nibbles ? (uint8_t)own[lane] >> 4 : own[QW_TILE_ROWS + lane];
    out.minimum = qw_f16_to_f32(halves[QW_TILE_ROWS + lane]) * (float)m;
  }
  return out;
}
