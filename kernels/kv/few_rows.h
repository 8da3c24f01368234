// Rows of queries that meet packed keys and values without an unpacked block between them.
#pragma once
#include <stdint.h>

namespace qw {

constexpr int64_t kKvFewRows = 4, kKvRowStride = 64;  // kTileKeys of attention/attention.h

// scores [count][kKvRowStride] = <q[r], key>, not scaled.
struct KvRows {
  int64_t count;
  const float* const* q;  // [count] -> headDim
  float* scores;
};

// out [count][stride] += sum of weights [count][kKvRowStride] times values.
struct KvSums {
  int64_t count;
  const float* weights;
  float* out;
};

}  // namespace qw
