// int8 by groups, NEON without dot products: bytes multiply into 16 bits (at most 128 * 128), which are added in pairs as int32.
#include "linear/w4a8/lanes_neon.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = int64_t(1) << 40;
    int32x4_t low_i32, high_i32;  // two sums a row, of rows 0, 1 and of rows 2, 3
    void clear() { low_i32 = high_i32 = vdupq_n_s32(0); }
    void add(int8x16_t codes, int8x16_t x) {
      low_i32 = vpadalq_s16(low_i32, vmull_s8(vget_low_s8(codes), vget_low_s8(x)));
      high_i32 = vpadalq_s16(high_i32, vmull_high_s8(codes, x));
    }
    int32x4_t sum() const { return vpaddq_s32(low_i32, high_i32); }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_neon = {4, 1, razor, stream<4>};
