// q6, AVX-512: the unpacked bytes, by shift, mask and convert.
#include "linear/grouped/avx512.h"
#include "linear/q6/codec.h"

const qw_grouped_kernels qw_q6_avx512 = {4, sum_groups, stream<Widened<6>>, fill_panel<Widened<6>>, fill_panel16<6>};
