// 16-bit panel, AVX2: pmaddwd and an add.
#include "linear/panel16/avx2.h"

namespace {

struct MultiplyAdd {
  // As intrinsics, GCC 12 gathers the products of all rows first and spills the sums.
  static void add(__m256i& acc_i32x8, __m256i codes_i16x16, __m256i x_i16x16) {
#if defined(__GNUC__) && !defined(__clang__)
    __m256i product_i32x8;
    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc_i32x8), "=&x"(product_i32x8) : "x"(codes_i16x16), "x"(x_i16x16));
#else
    acc_i32x8 = _mm256_add_epi32(acc_i32x8, _mm256_madd_epi16(codes_i16x16, x_i16x16));
#endif
  }
};

}  // namespace

const qw_panel16_kernel qw_panel16_avx2 = {1, 6, 2, 4, nullptr, quantize, read_params, multiply<MultiplyAdd>, nullptr, nullptr};
