#include "pack/finite.h"

#include <algorithm>
#include <cstring>

namespace {

constexpr int64_t kBlock = 4096;

// A value is NaN or infinite exactly when all bits of its exponent are set. Blocks first: their loop has no branch, so the compiler vectorizes it.
template <typename Bits>
int64_t first_with(const char* data, int64_t count, Bits exponent) {
  Bits block[kBlock];
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t length = std::min(kBlock, count - begin);
    std::memcpy(block, data + begin * int64_t(sizeof(Bits)), size_t(length) * sizeof(Bits));
    Bits bad = 0;
    for (int64_t i = 0; i < length; ++i) bad = Bits(bad | Bits((block[i] & exponent) == exponent));
    for (int64_t i = 0; bad != 0 && i < length; ++i) {
      if ((block[i] & exponent) == exponent) return begin + i;
    }
  }
  return -1;
}

}  // namespace

int64_t qw_first_not_finite(qw_type type, const void* data, int64_t count) {
  const char* bytes = static_cast<const char*>(data);
  if (type == QW_F32) return first_with<uint32_t>(bytes, count, 0x7f800000u);
  return first_with<uint16_t>(bytes, count, type == QW_F16 ? uint16_t(0x7c00) : uint16_t(0x7f80));
}
