// The least of what several threads report: the first place that is wrong, whichever thread found it.
#pragma once
#include <stdint.h>

#include <atomic>
#include <limits>

namespace qw {

constexpr int64_t kNoPlace = std::numeric_limits<int64_t>::max();

inline void lower(std::atomic<int64_t>& smallest, int64_t value) {
  int64_t seen = smallest.load(std::memory_order_relaxed);
  while (value < seen && !smallest.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace qw
