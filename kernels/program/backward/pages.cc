#include "program/backward/tape.h"

#if defined(_WIN32)
#include <malloc.h>
#include <string.h>
#else
#include <sys/mman.h>
#endif

qw::Pages::Pages(int64_t elements) : bytes_(size_t(elements > 0 ? elements : 1) * sizeof(float)) {
#if defined(_WIN32)
  memory_ = static_cast<float*>(_aligned_malloc(bytes_, 64));
  if (memory_ != nullptr) memset(memory_, 0, bytes_);
#else
  void* mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return;
#if defined(MADV_HUGEPAGE)
  madvise(mapped, bytes_, MADV_HUGEPAGE);  // advice: a refusal costs only page faults
#endif
  memory_ = static_cast<float*>(mapped);
#endif
}

qw::Pages::~Pages() {
  if (memory_ == nullptr) return;
#if defined(_WIN32)
  _aligned_free(memory_);
#else
  munmap(memory_, bytes_);
#endif
}
