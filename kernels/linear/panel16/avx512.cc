// 16-bit panel, AVX-512 without VNNI: vpmaddwd and an add. A temporary a product leaves room for 13 rows of x.
#include "linear/panel16/avx512.h"

namespace {

struct MultiplyAdd {
  static void add(__m512i& acc_i32x16, __m512i codes_i16x32, __m512i x_i16x32) {
    acc_i32x16 = _mm512_add_epi32(acc_i32x16, _mm512_madd_epi16(codes_i16x32, x_i16x32));
  }
};

}  // namespace

const qw_panel16_kernel qw_panel16_avx512 = {2, 13, 2, 4, nullptr, quantize, read_params, multiply<MultiplyAdd>, nullptr, nullptr};
