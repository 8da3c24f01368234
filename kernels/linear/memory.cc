#include "linear/memory.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace {
constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t(2) << 20;
}  // namespace

void* qw_weight_memory(size_t bytes) {
  const size_t rounded = (bytes + kLine - 1) / kLine * kLine + (bytes == 0 ? kLine : 0);
#if defined(_WIN32)
  return _aligned_malloc(rounded, kLine);
#else
  const bool large = rounded >= 2 * kHugePage;
  void* memory = nullptr;
  if (posix_memalign(&memory, large ? kHugePage : kLine, rounded) != 0) return nullptr;
#if defined(__linux__)
  if (large) madvise(memory, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);  // advice: a refusal costs only speed
#endif
  return memory;
#endif
}

void qw_weight_memory_free(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  free(memory);
#endif
}
