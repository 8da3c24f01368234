// What products of w8a8 tiles share, whoever quantizes the activations: slices of rows, their blocks, and the tasks. For files of the
// baseline instruction set only.
#pragma once
#include "linear/w8a8/codec.h"

namespace qw {

struct W8a8Steps {
  void* context;
  // Row `row` of x -> q[cols], s_x and r. Called by any thread, once a row.
  void (*quantize)(void* context, int64_t row, int8_t* q, float* scale, int32_t* sum);
  // After y holds the products of these rows of x and these tiles: what is added to them. NULL: nothing.
  void (*add)(void* context, int64_t row_begin, int64_t row_end, int64_t tile_begin, int64_t tile_end);
  // [m] zero_x, written by `quantize`. NULL: no row has one.
  const double* zeros = nullptr;
};

size_t w8a8_scratch_bytes(const qw_w8a8_weight* weight, int64_t m);

// y[m, rows] (ldy) = the product of the codes that `steps` makes with the weight, + bias (NULL: none).
void w8a8_product(const qw_w8a8_weight* weight, const W8a8Steps& steps, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
                  qw_pool* pool);

}  // namespace qw
