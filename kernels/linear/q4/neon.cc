// q4, NEON without dot products.
#include "linear/grouped/neon.h"
#include "linear/q4/codec.h"

const qw_grouped_kernels qw_q4_neon = {QW_GEMV_MOST_ROWS, split_digits, stream<4>, fill_panel<4>, nullptr};
