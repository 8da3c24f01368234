// What packing and unpacking share.
#pragma once
#include <stdint.h>
#include <string.h>

#include "abi/status.h"

constexpr int64_t QW_PACK_RUN = 32;                // codes of `bits` words
constexpr int64_t QW_PACK_TASK_CODES = 64 * 1024;  // codes of a task of the pool: about 50 us

static inline int qw_is_little_endian(void) {
  const uint32_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 1;
}

// A word as memory holds it <-> its value.
static inline uint32_t qw_little_endian(uint32_t word) {
  if (qw_is_little_endian()) return word;
  return word << 24 | (word & 0xff00u) << 8 | (word >> 8 & 0xff00u) | word >> 24;
}

// Refuses widths other than 2 to 8 and negative shapes.
qw_status qw_pack_check(const char* what, int64_t rows, int64_t cols, int bits);
