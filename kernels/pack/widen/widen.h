// One line of stored values to f32, exactly; `from` may be unaligned. The best version for the level in force.
#pragma once
#include <stdint.h>

#include "abi/codec.h"

typedef void qw_widen_line_function(qw_type type, const void* from, int64_t count, float* to);

qw_widen_line_function qw_widen_line_serial, qw_widen_line_avx2, qw_widen_line_avx512, qw_widen_line_neon;
qw_widen_line_function* qw_widen_line(void);
