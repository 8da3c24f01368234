// int8 by groups, NEON with dot products: sdot adds 4 products to each int32 lane.
#include "linear/w4a8/lanes_neon.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = int64_t(1) << 40;
    int32x4_t acc_i32;
    void clear() { acc_i32 = vdupq_n_s32(0); }
    void add(int8x16_t codes, int8x16_t x) { acc_i32 = vdotq_s32(acc_i32, codes, x); }
    int32x4_t sum() const { return acc_i32; }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_neondot = {8, 1, razor, stream<8>};
