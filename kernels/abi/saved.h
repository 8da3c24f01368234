// A packed weight as bytes, and back: what a cache of packed models writes, and uses again where it is mapped.
//
//   header (256 bytes) | part 0 | part 1 | ...      every part begins at a multiple of 64 bytes; numbers as this machine has them
//
// The header names the codec, the version of its layout, rows, columns, the codec's own fields and the lengths of the parts.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QW_SAVED_ALIGNMENT = 64 };

// Gets the bytes one piece after the other.
typedef qw_status (*qw_saved_write)(void* context, const void* data, size_t bytes);

// Bytes of the saved form, a multiple of 64; 0 when the codec has none.
size_t qw_saved_bytes(const qw_weight* weight);
qw_status qw_weight_save(const qw_weight* weight, qw_saved_write write, void* context);
// The weight points into `bytes` (64-byte aligned), which must outlive it. QW_UNSUPPORTED: unknown codec or another layout;
// QW_INVALID_ARGUMENT: damaged. Checks all that kernels trust: lengths, counts and column orders; codes and scales are as they are.
qw_status qw_weight_restore(const void* bytes, size_t length, qw_weight** out);
// A number that changes with the layout of any codec.
uint64_t qw_saved_layouts(void);

#ifdef __cplusplus
}
#endif
