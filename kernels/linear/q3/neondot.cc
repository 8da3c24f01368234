// q3, NEON with dot products.
#include "linear/grouped/neon.h"
#include "linear/q3/codec.h"

const qw_grouped_kernels qw_q3_neondot = {QW_GEMV_MOST_ROWS, split_digits, stream<3>, fill_panel<3>, nullptr};
