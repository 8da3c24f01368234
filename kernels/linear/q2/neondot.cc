// q2, NEON with dot products.
#include "linear/grouped/neon.h"
#include "linear/q2/codec.h"

const qw_grouped_kernels qw_q2_neondot = {QW_GEMV_MOST_ROWS, split_digits, stream<2>, fill_panel<2>, nullptr};
