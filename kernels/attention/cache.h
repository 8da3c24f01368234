// Keys and values of one layer of one sequence, f32 or f16.
//
//   keys    [kvHeads][capacity/16][headDim][16]    16 positions side by side: a query meets 16 keys per vector, without horizontal sums
//   values  [kvHeads][capacity][stride]            stride = headDim rounded up to 16; the padding stays zero
//
// Packed keys and values (kv/kv.h) lie in a store instead.
// Rows beyond the sequence hold zeros or finite leftovers of a truncated sequence; attention never reads them as visible.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "abi/codec.h"
#include "kv/kv.h"

constexpr int64_t kCacheBlock = 16;

typedef struct qw_cache {
  qw_type type;  // QW_F32 or QW_F16
  int64_t kv_heads, head_dim;
  int64_t capacity;  // multiple of kCacheBlock
  void* keys;
  void* values;
  qw::KvStore* store;  // of packed caches, which have neither; owned
} qw_cache;

static inline int64_t qw_cache_round(int64_t count) { return (count + kCacheBlock - 1) / kCacheBlock * kCacheBlock; }

// Allocates zeroed keys and values (capacity is rounded up). The operating system backs pages as positions are written.
extern "C" qw_status qw_cache_create(qw_type type, int64_t kv_heads, int64_t head_dim, int64_t capacity, qw_cache* out);
// A packed cache for a layer of a model.
qw_status qw_cache_create_packed(const qw_kv_spec& spec, const qw::KvLayer& layer, qw_cache* out);
extern "C" void qw_cache_destroy(qw_cache* cache);
extern "C" size_t qw_cache_bytes(const qw_cache* cache);
// Writes rows of k and v [rows, kvHeads * headDim] at positions first ..; f16 rounds to nearest even.
extern "C" qw_status qw_cache_append(qw_cache* cache, int64_t first, int64_t rows, const float* k, const float* v, qw_pool* pool);
