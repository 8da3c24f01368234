// parallel(pool, count, grain, body): qw_parallel_for with a lambda body(begin, end, thread). For files of the baseline instruction set only:
// a template instantiated in an AVX file could be linked into code that runs without AVX.
#pragma once
#include "abi/pool.h"

namespace qw {

template <typename Body>
void parallel(qw_pool* pool, int64_t count, int64_t grain, const Body& body) {
  qw_parallel_for(
      pool, count, grain,
      [](void* context, int64_t begin, int64_t end, int thread) { (*static_cast<const Body*>(context))(begin, end, thread); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace qw
