#include "linear/q5/codec.h"

#include "linear/grouped/codec_of.h"

namespace {

struct Q {
  static constexpr int kBits = 5;
  static const qw_codec* codec() { return &qw_codec_q5; }
  static const qw_grouped_kernels* in_force() {
    static constexpr qw::GroupedVersion kVersions[] = {
        {QW_SIMD_SERIAL, &qw_grouped_serial},
        QW_X86({QW_SIMD_AVX2, &qw_q5_avx2})
        QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_q5_avxvnni})
        QW_X86({QW_SIMD_AVX512, &qw_q5_avx512}, {QW_SIMD_AVX512VNNI, &qw_q5_avx512vnni})
        QW_ARM({QW_SIMD_NEON, &qw_q5_neon}, {QW_SIMD_NEONDOT, &qw_q5_neondot})
    };
    return qw::best_version(kVersions);
  }
  static const qw_grouped_kernels* for_long_groups() {
    static constexpr qw::GroupedVersion kVersions[] = {{QW_SIMD_SERIAL, &qw_grouped_serial}, QW_X86({QW_SIMD_AVX512, &qw_q5_avx512})};
    return qw::best_version(kVersions);
  }
};

}  // namespace

const qw_codec qw_codec_q5 = qw::GroupedCodec<Q>::make("q5");

qw_status qw_q5_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) { return qw::GroupedCodec<Q>::pack(affine, pool, out); }
