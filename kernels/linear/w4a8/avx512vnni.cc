// int8 by groups, AVX-512 VNNI: dpbusd, 64 products at once; 12 sums and 12 totals beside a line of codes and a broadcast.
#include "linear/vnni.h"
#include "linear/w4a8/lanes_avx512.h"
#include "linear/w4a8/razor.h"

namespace {

struct V : Lanes {
  template <int kBits>
  struct Dot {
    static constexpr int64_t kRun = int64_t(1) << 40;
    __m512i acc_i32;
    void clear() { acc_i32 = _mm512_setzero_si512(); }
    void add(__m512i codes, __m512i x) { add_products(acc_i32, codes, x); }
    __m512i sum() const { return acc_i32; }
  };
};

}  // namespace

#include "linear/w4a8/stream.h"

const qw_int8_kernels qw_int8_avx512vnni = {12, 0, razor, stream<12>};
