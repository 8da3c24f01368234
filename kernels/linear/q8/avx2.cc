// q8, AVX2: shift, mask and convert. Sums of two products of 8 bits would saturate pmaddubsw, so streaming is f32 too.
#include "linear/grouped/avx2.h"
#include "linear/q8/codec.h"

const qw_grouped_kernels qw_q8_avx2 = {4, sum_groups, stream<Widened<8>>, fill_panel<Widened<8>>, fill_panel16<8>};
