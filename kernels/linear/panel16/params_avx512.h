// Scales and zeros of a group as the AVX-512 and AMX microkernels of the panel read them. Include only from avx512*.cc and amx.cc.
#pragma once
#include "linear/grouped/params_avx512.h"
#include "linear/panel16/panel16.h"

namespace {

inline void read_params(const qw_grouped* weight, int64_t tile, int64_t group, float* scale, float* zero) {
  const GroupParams params = load_group(weight, tile, group);
  const __m512 zero_f32x16 = _mm512_add_ps(params.zero_f32x16, _mm512_set1_ps(weight->offset));
  _mm512_store_ps(scale, params.scale_f32x16);
  _mm512_store_ps(zero, _mm512_add_ps(_mm512_mul_ps(zero_f32x16, params.scale_f32x16), params.minimum_f32x16));
}

}  // namespace
