// q3, AVX-512: the unpacked bytes, by shift, mask and convert.
#include "linear/grouped/avx512.h"
#include "linear/q3/codec.h"

const qw_grouped_kernels qw_q3_avx512 = {4, sum_groups, stream<Widened<3>>, fill_panel<Widened<3>>, fill_panel16<3>};
