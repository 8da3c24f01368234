// q5, NEON without dot products.
#include "linear/grouped/neon.h"
#include "linear/q5/codec.h"

const qw_grouped_kernels qw_q5_neon = {QW_GEMV_MOST_ROWS, split_digits, stream<5>, fill_panel<5>, nullptr};
