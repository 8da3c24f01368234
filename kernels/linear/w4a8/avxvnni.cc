// int8 by groups, AVX-VNNI: dpbusd wraps, and never saturates.
#include "linear/vnni.h"
#include "linear/w4a8/lanes_avx2.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = int64_t(1) << 40;
    __m256i acc_i32;
    void clear() { acc_i32 = _mm256_setzero_si256(); }
    void add(__m256i codes, __m256i x) { add_products(acc_i32, codes, x); }
    __m256i sum() const { return acc_i32; }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_avxvnni = {6, 0, razor, stream<6>};
