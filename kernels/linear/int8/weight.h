// Weights that are multiplied as integers with activations quantized when the product is taken (activations.h).
#pragma once
#include "linear/int8/activations.h"
#include "linear/qrazor/weight.h"

#ifdef __cplusplus
extern "C" {
#endif

// QW_INVALID_ARGUMENT, with words, for settings that no rule takes: bits outside 2 to 8, a static scale that is not positive, a zero point
// that is no code, a threshold below 0, groups that are no power of two.
qw_status qw_check_activations(const qw_activations* activations);

// An affine weight with codes of `code_bits` (8: codec name w8a8, 4: w4a8) for such activations. Which codec holds it is chosen by its shape: one group
// a row of 8-bit codes without g_idx is w8a8 (kinds token and tensor) or llm_int8 (outliers); groups, g_idx and 4-bit codes are w8a8_groups and w4a8.
// Everything is copied (parallel over the pool).
qw_status qw_weight_int8(const qw_affine* affine, int code_bits, const qw_activations* activations, qw_pool* pool, qw_weight** out);

// A weight of QRazor for such activations: razored, or of kinds token and tensor. Codec qrazor_int8.
qw_status qw_weight_qrazor_int8(const qw_qrazor_stored* stored, const qw_activations* activations, qw_pool* pool, qw_weight** out);

#ifdef __cplusplus
}
#endif
