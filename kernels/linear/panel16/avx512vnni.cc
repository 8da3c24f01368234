// 16-bit panel, AVX-512 VNNI: vpdpwssd multiplies and adds 32 products at once, wrapping (never saturating) in int32.
#include "linear/panel16/avx512.h"

namespace {

struct MultiplyAdd {
  // As an intrinsic, GCC 12 copies the accumulator to another register and back around every use.
  static void add(__m512i& acc_i32x16, __m512i codes_i16x32, __m512i x_i16x32) {
#if defined(__GNUC__) && !defined(__clang__)
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc_i32x16) : "v"(codes_i16x32), "v"(x_i16x32));
#else
    acc_i32x16 = _mm512_dpwssd_epi32(acc_i32x16, codes_i16x32, x_i16x32);
#endif
  }
};

}  // namespace

const qw_panel16_kernel qw_panel16_avx512vnni = {2, 14, 2, 4, nullptr, quantize, read_params, multiply<MultiplyAdd>, nullptr, nullptr};
