// q6, NEON with dot products.
#include "linear/grouped/neon.h"
#include "linear/q6/codec.h"

const qw_grouped_kernels qw_q6_neondot = {QW_GEMV_MOST_ROWS, split_digits, stream<6>, fill_panel<6>, nullptr};
