// Test support: memory that a weight is saved into, where it can be restored from.
#pragma once
#include <stdint.h>

#include <cstring>
#include <vector>

#include "abi/saved.h"

namespace qw_test {

// Begins at a multiple of 64, as weights are mapped.
struct Aligned {
  std::vector<char> memory;
  size_t length = 0;
  explicit Aligned(size_t bytes) : memory(bytes + 64) {}
  char* data() { return memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64; }
};

// The sink of qw_weight_save: context is an Aligned of enough bytes.
inline qw_status append(void* context, const void* data, size_t bytes) {
  Aligned& to = *static_cast<Aligned*>(context);
  std::memcpy(to.data() + to.length, data, bytes);
  to.length += bytes;
  return qw_ok();
}

}  // namespace qw_test
