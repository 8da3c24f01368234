// 16-bit panel, AVX-VNNI: vpdpwssd multiplies and adds 16 products at once, wrapping (never saturating) in int32.
#include "linear/panel16/avx2.h"

namespace {

struct MultiplyAdd {
  // As an intrinsic, GCC 12 copies the accumulator to another register and back around every use.
  static void add(__m256i& acc_i32x8, __m256i codes_i16x16, __m256i x_i16x16) {
#if defined(__GNUC__) && !defined(__clang__)
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(acc_i32x8) : "x"(codes_i16x16), "x"(x_i16x16));
#else
    acc_i32x8 = _mm256_dpwssd_avx_epi32(acc_i32x8, codes_i16x16, x_i16x16);
#endif
  }
};

}  // namespace

const qw_panel16_kernel qw_panel16_avxvnni = {1, 6, 2, 4, nullptr, quantize, read_params, multiply<MultiplyAdd>, nullptr, nullptr};
