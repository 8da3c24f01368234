#include "linear/q2/codec.h"

#include "cpu/pick.h"
#include "linear/grouped/fixed_point.h"

namespace {

const qw_grouped_kernels* kernels_in_force(const qw_weight* weight) {
  static constexpr qw::Version<const qw_grouped_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_grouped_serial},
      QW_X86({QW_SIMD_AVX2, &qw_q2_avx2})
      QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_q2_avxvnni})
      QW_X86({QW_SIMD_AVX512, &qw_q2_avx512}, {QW_SIMD_AVX512VNNI, &qw_q2_avx512vnni})
      QW_ARM({QW_SIMD_NEON, &qw_q2_neon}, {QW_SIMD_NEONDOT, &qw_q2_neondot})
  };
  // Where the integer sums of the fixed-point kernels end, those with f32 or f64 sums go on.
  const bool too_long = reinterpret_cast<const qw_grouped*>(weight)->longest_group > QW_FIXED_POINT_MOST_COLUMNS;
  if (!too_long) return qw::best_version(kVersions);
  static constexpr qw::Version<const qw_grouped_kernels> kFloatVersions[] = {
      {QW_SIMD_SERIAL, &qw_grouped_serial},
      QW_X86({QW_SIMD_AVX512, &qw_q2_avx512})
  };
  return qw::best_version(kFloatVersions);
}

void matmul(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  qw_grouped_matmul(weight, kernels_in_force(weight), x, ldx, m, bias, y, ldy, scratch, pool);
}

qw_status restore(const qw_saved* saved, qw_weight** out) { return qw_grouped_restore(&qw_codec_q2, 2, saved, out); }

}  // namespace

const qw_codec qw_codec_q2 = {"q2",     qw_grouped_scratch_bytes, matmul,          qw_grouped_dequantize, qw_grouped_destroy,
                              QW_GROUPED_LAYOUT, qw_grouped_save,          restore};

qw_status qw_q2_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  return qw_grouped_pack(&qw_codec_q2, 2, affine, pool, out);
}
