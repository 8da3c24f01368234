#include "pool_lease.h"

#include <mutex>

namespace quantwright {

namespace {
std::mutex mutex;
int active = 0;
int wanted = 0;  // 0: as it is
}  // namespace

PoolLease::PoolLease() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (active++ == 0 && wanted != 0) {
    qw_pool_resize(qw_pool_shared(), wanted);
    wanted = 0;
  }
}

PoolLease::~PoolLease() {
  const std::lock_guard<std::mutex> lock(mutex);
  --active;
}

void PoolLease::want_threads(int threads) {
  const std::lock_guard<std::mutex> lock(mutex);
  wanted = threads;
}

int PoolLease::threads() {
  const std::lock_guard<std::mutex> lock(mutex);
  return wanted != 0 ? wanted : qw_pool_threads(qw_pool_shared());
}

}  // namespace quantwright
