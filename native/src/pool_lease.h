// Whoever uses the thread pool holds a lease, so that its size changes only between jobs: kernels size their scratch by it.
#pragma once
#include "abi/pool.h"

namespace quantwright {

class PoolLease {
 public:
  PoolLease();
  ~PoolLease();
  PoolLease(const PoolLease&) = delete;
  PoolLease& operator=(const PoolLease&) = delete;
  qw_pool* pool() const { return qw_pool_shared(); }

  // Takes effect when no job runs: the next one starts with it.
  static void want_threads(int threads);
  static int threads();
};

}  // namespace quantwright
