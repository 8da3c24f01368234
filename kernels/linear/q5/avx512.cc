// q5, AVX-512: the unpacked bytes, by shift, mask and convert.
#include "linear/grouped/avx512.h"
#include "linear/q5/codec.h"

const qw_grouped_kernels qw_q5_avx512 = {4, sum_groups, stream<Widened<5>>, fill_panel<Widened<5>>, fill_panel16<5>};
