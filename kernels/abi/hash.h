// Fast hashes that tell whether data changed. Not for secrets: whoever wants two inputs of one hash can make them.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

// XXH64 (Collet, xxHash specification 0.1.1). data may be unaligned.
uint64_t qw_hash64(const void* data, size_t bytes, uint64_t seed);

enum { QW_HASH_PIECE = 1 << 20 };
// Hash of the hashes of all pieces of QW_HASH_PIECE bytes, with the length as seed. Parallel over the pool, a few pieces a job, so that
// others get their turn on it in between.
uint64_t qw_hash_pieces(const void* data, size_t bytes, qw_pool* pool);

#ifdef __cplusplus
}
#endif
