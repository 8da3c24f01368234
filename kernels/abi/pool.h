// Persistent thread pool. Work is claimed in small chunks from a shared counter, so that a descheduled thread delays only its own chunk.
// Workers spin briefly after a job, then park.
#pragma once
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qw_pool qw_pool;

#define QW_POOL_MAX_THREADS 64

// body(context, begin, end, thread): handles indices [begin, end); thread is 0..qw_pool_threads()-1 (for per-thread scratch).
typedef void (*qw_pool_body)(void* context, int64_t begin, int64_t end, int thread);

// The process's pool. Created on first use with one thread per physical core the process may run on (QUANTWRIGHT_THREADS overrides).
qw_pool* qw_pool_shared(void);
int qw_pool_threads(const qw_pool* pool);
qw_status qw_pool_resize(qw_pool* pool, int threads);

// Runs body over [0, count) in chunks of `grain`; the caller takes part; returns when all is done. Not reentrant from a body.
// Calls from several threads are serialised.
void qw_parallel_for(qw_pool* pool, int64_t count, int64_t grain, qw_pool_body body, void* context);

#ifdef __cplusplus
}
#endif
