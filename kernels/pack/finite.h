// Where a stored tensor stops being finite: for what is copied as it is.
#pragma once
#include <stdint.h>

#include "abi/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

// Index of the first NaN or infinity among `count` values; -1: none. data may be unaligned. Cost: one pass, as fast as memory.
int64_t qw_first_not_finite(qw_type type, const void* data, int64_t count);

#ifdef __cplusplus
}
#endif
