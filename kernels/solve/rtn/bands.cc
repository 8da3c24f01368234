#include "solve/rtn/bands.h"

#include <mutex>
#include <utility>

#include "linear/memory.h"

namespace qw {

namespace {

// Smaller blocks come from the heap, which keeps its pages by itself.
constexpr size_t kSmallest = size_t(1) << 20, kLargest = size_t(32) << 20;

struct Block {
  char* data = nullptr;
  size_t bytes = 0;
};

std::mutex mutex;
Block kept[2];

// All requests of a size class get the same bytes, so that blocks fit again.
size_t rounded(size_t bytes) { return bytes < kSmallest ? bytes : (bytes + kSmallest - 1) / kSmallest * kSmallest; }

}  // namespace

char* take_band(size_t bytes) {
  const size_t wanted = rounded(bytes);
  if (wanted >= kSmallest && wanted <= kLargest) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (Block& block : kept) {
      if (block.bytes == wanted) return std::exchange(block, Block()).data;
    }
  }
  return static_cast<char*>(qw_weight_memory(wanted));
}

void keep_band(char* data, size_t bytes) {
  Block leaving = {data, rounded(bytes)};
  if (data != nullptr && leaving.bytes >= kSmallest && leaving.bytes <= kLargest) {
    const std::lock_guard<std::mutex> lock(mutex);
    // The smallest one leaves.
    for (Block& block : kept) {
      if (block.bytes < leaving.bytes) std::swap(block, leaving);
    }
  }
  qw_weight_memory_free(leaving.data);
}

}  // namespace qw
