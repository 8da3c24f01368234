// q8, AVX-512: shift, mask and convert.
#include "linear/grouped/avx512.h"
#include "linear/q8/codec.h"

const qw_grouped_kernels qw_q8_avx512 = {4, sum_groups, stream<Widened<8>>, fill_panel<Widened<8>>, fill_panel16<8>};
