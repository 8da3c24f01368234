// How a row is quantized: the nearest entry of a codebook, and the thresholds of a token's values.
#pragma once
#include <cstdint>
#include <vector>

namespace qw {

// Entries of a codebook in the order of their values.
class KvCodebook {
 public:
  KvCodebook(const float* entries, int bits);
  // The nearest entry's code, the first of several.
  uint8_t nearest(float x) const;

 private:
  int count_;
  float values_[16];
  uint8_t codes_[16];
};

// The thresholds of a token's values, and the offset and range of what lies between them.
struct KvTokenScale {
  float lower, upper;  // outliers are at or beyond them; NaN: there are none
  float offset, range;
  int32_t outliers;
};

// x [count], finite; sorted [count] is overwritten.
KvTokenScale kv_token_scale(const float* x, int64_t count, float sparsity, float* sorted);

}  // namespace qw
