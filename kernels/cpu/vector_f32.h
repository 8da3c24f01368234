// One vector of f32 for the NEON (4 lanes), AVX2 (8) and AVX-512 (16) kernels, so that an operation is written once for all.
// Included only by neon.cc, avx2.cc and avx512.cc files. Everything has internal linkage and nothing of the standard library is used:
// no AVX code can be linked into the baseline.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif
#include <stddef.h>
#include <stdint.h>

#include "cpu/half.h"

namespace {

#if defined(__aarch64__)

using f32v = float32x4_t;
constexpr int64_t kLanes = 4;
constexpr int kRegisters = 32;

inline f32v zero() { return vdupq_n_f32(0); }
inline f32v all(float x) { return vdupq_n_f32(x); }
inline f32v load(const float* p) { return vld1q_f32(p); }
inline f32v load(const qw_half* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits))); }
inline f32v load_first(const float* p, int64_t count) {
  float lanes[4] = {};
  __builtin_memcpy(lanes, p, size_t(count) * sizeof(float));
  return vld1q_f32(lanes);
}
inline void store(float* p, f32v x) { vst1q_f32(p, x); }
inline void store(qw_half* p, f32v x) { vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
inline void store_first(float* p, f32v x, int64_t count) {
  float lanes[4];
  vst1q_f32(lanes, x);
  __builtin_memcpy(p, lanes, size_t(count) * sizeof(float));
}
inline f32v add(f32v a, f32v b) { return vaddq_f32(a, b); }
inline f32v sub(f32v a, f32v b) { return vsubq_f32(a, b); }
inline f32v mul(f32v a, f32v b) { return vmulq_f32(a, b); }
inline f32v div(f32v a, f32v b) { return vdivq_f32(a, b); }
inline f32v fma(f32v a, f32v b, f32v c) { return vfmaq_f32(c, a, b); }
inline f32v fma_minus(f32v a, f32v b, f32v c) { return vfmsq_f32(c, a, b); }
// NaN when either is; x86 returns the second operand then.
inline f32v max(f32v a, f32v b) { return vmaxq_f32(a, b); }
inline f32v choose_smaller(f32v x, float limit, f32v small, f32v large) { return vbslq_f32(vcltq_f32(vabsq_f32(x), all(limit)), small, large); }
inline float sum(f32v x) { return vaddvq_f32(x); }
inline float largest(f32v x) { return vmaxvq_f32(x); }
inline f32v round_even(f32v x) { return vrndnq_f32(x); }
// Two factors: one alone cannot reach subnormals nor 2^128.
inline f32v scale_by_power(f32v x, f32v n) {
  const int32x4_t power = vcvtnq_s32_f32(n), half = vshrq_n_s32(power, 1), bias = vdupq_n_s32(127);
  const int32x4_t rest = vsubq_s32(power, half);
  const f32v first = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
  const f32v second = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23));
  return mul(mul(x, first), second);
}
inline f32v larger_magnitude(f32v x, f32v running) {
  const int32x4_t magnitude = vandq_s32(vreinterpretq_s32_f32(x), vdupq_n_s32(0x7fffffff));
  return vreinterpretq_f32_s32(vmaxq_s32(magnitude, vreinterpretq_s32_f32(running)));
}
inline f32v between(f32v x, float low, float high) { return vminq_f32(vmaxq_f32(x, all(low)), all(high)); }
inline float inverse_root(float x) { return vget_lane_f32(vdiv_f32(vdup_n_f32(1.0f), vsqrt_f32(vdup_n_f32(x))), 0); }
inline double inverse_root(double x) { return vget_lane_f64(vdiv_f64(vdup_n_f64(1.0), vsqrt_f64(vdup_n_f64(x))), 0); }

struct f64_sum {
  float64x2_t low = vdupq_n_f64(0), high = vdupq_n_f64(0);
  void add(f32v x) {
    low = vaddq_f64(low, vcvt_f64_f32(vget_low_f32(x)));
    high = vaddq_f64(high, vcvt_high_f64_f32(x));
  }
  double total() const { return vaddvq_f64(vaddq_f64(low, high)); }
};

#else

inline float inverse_root(float x) { return _mm_cvtss_f32(_mm_div_ss(_mm_set_ss(1.0f), _mm_sqrt_ss(_mm_set_ss(x)))); }
inline double inverse_root(double x) { return _mm_cvtsd_f64(_mm_div_sd(_mm_set_sd(1.0), _mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)))); }

#if defined(__AVX512F__)

using f32v = __m512;
constexpr int64_t kLanes = 16;
constexpr int kRegisters = 32;

inline __mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
inline f32v zero() { return _mm512_setzero_ps(); }
inline f32v all(float x) { return _mm512_set1_ps(x); }
inline f32v load(const float* p) { return _mm512_loadu_ps(p); }
inline f32v load(const qw_half* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
inline f32v load_first(const float* p, int64_t count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
inline void store(float* p, f32v x) { _mm512_storeu_ps(p, x); }
inline void store(qw_half* p, f32v x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store_first(float* p, f32v x, int64_t count) { _mm512_mask_storeu_ps(p, first_lanes(count), x); }
inline f32v add(f32v a, f32v b) { return _mm512_add_ps(a, b); }
inline f32v sub(f32v a, f32v b) { return _mm512_sub_ps(a, b); }
inline f32v mul(f32v a, f32v b) { return _mm512_mul_ps(a, b); }
inline f32v div(f32v a, f32v b) { return _mm512_div_ps(a, b); }
inline f32v fma(f32v a, f32v b, f32v c) { return _mm512_fmadd_ps(a, b, c); }        // a * b + c
inline f32v fma_minus(f32v a, f32v b, f32v c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
inline f32v max(f32v a, f32v b) { return _mm512_max_ps(a, b); }
// [|x| < limit] ? small : large, lane by lane; NaN takes `large`.
inline f32v choose_smaller(f32v x, float limit, f32v small, f32v large) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(x), all(limit), _CMP_LT_OQ), large, small);
}
inline float sum(f32v x) { return _mm512_reduce_add_ps(x); }
inline float largest(f32v x) { return _mm512_reduce_max_ps(x); }
inline f32v round_even(f32v x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// x * 2^n for integral n.
inline f32v scale_by_power(f32v x, f32v n) { return _mm512_scalef_ps(x, n); }
// x in [low, high]; NaN stays NaN: the second operand is returned when it is NaN.
inline f32v between(f32v x, float low, float high) { return _mm512_min_ps(all(high), _mm512_max_ps(all(low), x)); }
// max(|x|, running) on the bit patterns, where infinity is above every number and NaN above infinity: neither is ever lost.
inline f32v larger_magnitude(f32v x, f32v running) {
  const __m512i magnitude = _mm512_and_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
  return _mm512_castsi512_ps(_mm512_max_epi32(magnitude, _mm512_castps_si512(running)));
}

struct f64_sum {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  void add(f32v x) {
    low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(x)));
    high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)));
  }
  double total() const { return _mm512_reduce_add_pd(_mm512_add_pd(low, high)); }
};

#else

using f32v = __m256;
constexpr int64_t kLanes = 8;
constexpr int kRegisters = 16;

inline __m256i first_lanes(int64_t count) {
  static const int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window + 8 - count));
}
inline f32v zero() { return _mm256_setzero_ps(); }
inline f32v all(float x) { return _mm256_set1_ps(x); }
inline f32v load(const float* p) { return _mm256_loadu_ps(p); }
inline f32v load(const qw_half* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline f32v load_first(const float* p, int64_t count) { return _mm256_maskload_ps(p, first_lanes(count)); }
inline void store(float* p, f32v x) { _mm256_storeu_ps(p, x); }
inline void store(qw_half* p, f32v x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store_first(float* p, f32v x, int64_t count) { _mm256_maskstore_ps(p, first_lanes(count), x); }
inline f32v add(f32v a, f32v b) { return _mm256_add_ps(a, b); }
inline f32v sub(f32v a, f32v b) { return _mm256_sub_ps(a, b); }
inline f32v mul(f32v a, f32v b) { return _mm256_mul_ps(a, b); }
inline f32v div(f32v a, f32v b) { return _mm256_div_ps(a, b); }
inline f32v fma(f32v a, f32v b, f32v c) { return _mm256_fmadd_ps(a, b, c); }
inline f32v fma_minus(f32v a, f32v b, f32v c) { return _mm256_fnmadd_ps(a, b, c); }
inline f32v max(f32v a, f32v b) { return _mm256_max_ps(a, b); }
inline f32v choose_smaller(f32v x, float limit, f32v small, f32v large) {
  const f32v magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  return _mm256_blendv_ps(large, small, _mm256_cmp_ps(magnitude, all(limit), _CMP_LT_OQ));
}
inline float sum(f32v x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float largest(f32v x) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
inline f32v round_even(f32v x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// Two factors: one alone cannot reach subnormals nor 2^128.
inline f32v scale_by_power(f32v x, f32v n) {
  const __m256i power = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(power, 1), bias = _mm256_set1_epi32(127);
  const __m256i rest = _mm256_sub_epi32(power, half);
  const f32v first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const f32v second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return mul(mul(x, first), second);
}
inline f32v between(f32v x, float low, float high) { return _mm256_min_ps(all(high), _mm256_max_ps(all(low), x)); }
inline f32v larger_magnitude(f32v x, f32v running) {
  const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
  return _mm256_castsi256_ps(_mm256_max_epi32(magnitude, _mm256_castps_si256(running)));
}

struct f64_sum {
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
  void add(f32v x) {
    low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
    high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
  }
  double total() const {
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
};

#endif
#endif

// e^x within 2 units in the last place; 0 below -104, infinity above 89, NaN stays NaN.
// x = n ln 2 + r with |r| <= ln 2 / 2; the Taylor series to r^7 leaves r^8 / 8! < 6e-9.
inline f32v exp_f32(f32v x) {
  x = between(x, -104.0f, 89.0f);
  const f32v n = round_even(mul(x, all(1.44269504088896341f)));
  // ln 2 in two parts; the first has 9 trailing zero bits, so that n times it is exact.
  f32v r = fma_minus(n, all(0.693145751953125f), x);
  r = fma_minus(n, all(1.42860677e-6f), r);
  f32v p = all(1.0f / 5040.0f);
  p = fma(p, r, all(1.0f / 720.0f));
  p = fma(p, r, all(1.0f / 120.0f));
  p = fma(p, r, all(1.0f / 24.0f));
  p = fma(p, r, all(1.0f / 6.0f));
  p = fma(p, r, all(0.5f));
  p = fma(p, r, all(1.0f));
  p = fma(p, r, all(1.0f));
  return scale_by_power(p, n);
}

}  // namespace
