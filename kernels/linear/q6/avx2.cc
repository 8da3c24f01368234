// q6, AVX2: exact integer products with 24-bit fixed-point activations when streaming; panels widen the unpacked bytes.
#include "linear/grouped/avx2_digits.h"
#include "linear/q6/codec.h"

const qw_grouped_kernels qw_q6_avx2 = {QW_GEMV_MOST_ROWS, split_digits, stream_digits<6>, fill_panel<Widened<6>>, fill_panel16<6>};
