#include "linear/q4/codec.h"

#include "abi/dispatch.h"
#include "linear/grouped/fixed_point.h"

namespace {

const qw_grouped_kernels* kernels_in_force(const qw_weight* weight) {
#if defined(__x86_64__) || defined(_M_X64)
  static const qw_grouped_kernels* const table[QW_SIMD_COUNT] = {&qw_grouped_serial, &qw_q4_avx2, &qw_q4_avx512, &qw_q4_avx512vnni};
  // Where the integer sums of the fixed-point kernels end, slower ones go on.
  const bool too_long = reinterpret_cast<const qw_grouped*>(weight)->longest_group > QW_FIXED_POINT_MOST_COLUMNS;
  const qw_simd level = qw_simd_level();
  if (too_long && level == QW_SIMD_AVX2) return &qw_grouped_serial;
  return table[too_long && level == QW_SIMD_AVX512VNNI ? QW_SIMD_AVX512 : level];
#else
  return &qw_grouped_serial;
#endif
}

void matmul(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  qw_grouped_matmul(weight, kernels_in_force(weight), x, ldx, m, bias, y, ldy, scratch, pool);
}

}  // namespace

const qw_codec qw_codec_q4 = {"q4", qw_grouped_scratch_bytes, matmul, qw_grouped_dequantize, qw_grouped_destroy};

qw_status qw_q4_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  return qw_grouped_pack(&qw_codec_q4, 4, affine, pool, out);
}
