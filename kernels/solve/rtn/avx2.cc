#include "solve/rtn/vector.h"

const qw_rtn_line qw_rtn_line_avx2 = {range_vector, magnitudes_vector, magnitude_vector, quantize_vector, distance_vector, error_vector};
