// q8, NEON with dot products.
#include "linear/grouped/neon.h"
#include "linear/q8/codec.h"

const qw_grouped_kernels qw_q8_neondot = {QW_GEMV_MOST_ROWS, split_digits, stream<8>, fill_panel<8>, nullptr};
