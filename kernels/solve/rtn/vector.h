// line.h for the vector width of the including file. Tails are loaded into the first lanes; what the other lanes hold never counts.
#pragma once
#include "cpu/vector_f32.h"
#include "solve/rtn/line.h"

namespace {

#if defined(__aarch64__)
inline f32v min(f32v a, f32v b) { return vminq_f32(a, b); }
inline f32v absolute(f32v x) { return vabsq_f32(x); }
inline f32v toward_zero(f32v x) { return vrndq_f32(x); }
inline f32v with_sign_of(float magnitude, f32v x) { return vbslq_f32(vdupq_n_u32(0x80000000u), x, all(magnitude)); }
inline f32v fill_rest(f32v x, int64_t count, float rest) {
  const int32x4_t lane = {0, 1, 2, 3};
  return vbslq_f32(vcltq_s32(lane, vdupq_n_s32(int32_t(count < 4 ? count : 4))), x, all(rest));
}
inline f32v fifth_of_bits(f32v x) {
  const f32v bits = mul(vcvtq_f32_s32(vreinterpretq_s32_f32(x)), all(0.2f));
  return vreinterpretq_f32_s32(vaddq_s32(vcvtnq_s32_f32(bits), vdupq_n_s32(0x32cccccd)));
}
inline void store_codes(uint8_t* out, f32v code, int64_t count) {
  const int16x4_t i16x4 = vmovn_s32(vcvtnq_s32_f32(code));
  uint8_t eight[8];
  vst1_u8(eight, vreinterpret_u8_s8(vmovn_s16(vcombine_s16(i16x4, i16x4))));
  __builtin_memcpy(out, eight, size_t(count >= 4 ? 4 : count));
}
inline f32v load_codes(const uint8_t* codes, int64_t count, int is_signed) {
  uint8_t eight[8] = {};
  __builtin_memcpy(eight, codes, size_t(count >= 4 ? 4 : count));
  const uint8x8_t bytes = vld1_u8(eight);
  if (is_signed) return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(bytes)))));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}
#elif defined(__AVX512F__)
inline f32v min(f32v a, f32v b) { return _mm512_min_ps(a, b); }
inline f32v absolute(f32v x) { return _mm512_abs_ps(x); }
inline f32v toward_zero(f32v x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
inline f32v with_sign_of(float magnitude, f32v x) {
  const __m512i sign = _mm512_and_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(int(0x80000000u)));
  return _mm512_castsi512_ps(_mm512_or_epi32(_mm512_castps_si512(all(magnitude)), sign));
}
inline f32v fill_rest(f32v x, int64_t count, float rest) { return _mm512_mask_mov_ps(all(rest), first_lanes(count), x); }
inline f32v fifth_of_bits(f32v x) {  // bits(x) / 5 + offset: a fifth root within a few percent
  const __m512 bits = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_castps_si512(x)), all(0.2f));
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_cvtps_epi32(bits), _mm512_set1_epi32(0x32cccccd)));
}
inline void store_codes(uint8_t* out, f32v code, int64_t count) {
  _mm512_mask_cvtepi32_storeu_epi8(out, count >= 16 ? __mmask16(0xffff) : first_lanes(count), _mm512_cvtps_epi32(code));
}
inline f32v load_codes(const uint8_t* codes, int64_t count, int is_signed) {
  const __m128i bytes = _mm_maskz_loadu_epi8(count >= 16 ? __mmask16(0xffff) : first_lanes(count), codes);
  return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
}
#else
inline f32v min(f32v a, f32v b) { return _mm256_min_ps(a, b); }
inline f32v absolute(f32v x) { return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff))); }
inline f32v toward_zero(f32v x) { return _mm256_round_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
inline f32v with_sign_of(float magnitude, f32v x) { return _mm256_or_ps(all(magnitude), _mm256_and_ps(x, all(-0.0f))); }
inline f32v fill_rest(f32v x, int64_t count, float rest) {
  return count >= 8 ? x : _mm256_blendv_ps(all(rest), x, _mm256_castsi256_ps(first_lanes(count)));
}
inline f32v fifth_of_bits(f32v x) {
  const __m256 bits = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_castps_si256(x)), all(0.2f));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_cvtps_epi32(bits), _mm256_set1_epi32(0x32cccccd)));
}
inline void store_codes(uint8_t* out, f32v code, int64_t count) {
  const __m256i bytes_i32x8 = _mm256_and_si256(_mm256_cvtps_epi32(code), _mm256_set1_epi32(255));
  const __m128i i16x8 = _mm_packs_epi32(_mm256_castsi256_si128(bytes_i32x8), _mm256_extracti128_si256(bytes_i32x8, 1));
  uint8_t eight[8];
  _mm_storel_epi64(reinterpret_cast<__m128i*>(eight), _mm_packus_epi16(i16x8, i16x8));
  __builtin_memcpy(out, eight, size_t(count >= 8 ? 8 : count));
}
inline f32v load_codes(const uint8_t* codes, int64_t count, int is_signed) {
  uint8_t eight[8] = {};
  __builtin_memcpy(eight, codes, size_t(count >= 8 ? 8 : count));
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(eight));
  return _mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
}
#endif

// Halves away from zero, for |x| < 2^22: the largest float below 1/2 moves every half past the next integer and nothing below a half.
inline f32v round_away(f32v x) { return toward_zero(add(x, with_sign_of(0.5f - 0x1p-25f, x))); }

inline f32v load_some(const float* x, int64_t count) { return count >= kLanes ? load(x) : load_first(x, count); }

struct Grid {
  f32v scale, zero, low, high, shift;
  qw_rtn_order order;
  explicit Grid(const qw_rtn_grid& grid)
      : scale(all(grid.scale)), zero(all(grid.zero)), low(all(grid.low)), high(all(grid.high)), shift(all(grid.zero * grid.scale)), order(grid.order) {}
  f32v clamp(f32v x) const { return min(max(x, low), high); }
  f32v code(f32v x) const {
    if (order == QW_RTN_SHIFT_ROUND_CLAMP) return clamp(round_even(div(add(x, shift), scale)));
    const f32v steps = div(x, scale);
    if (order == QW_RTN_ROUND_ADD_CLAMP) return clamp(add(round_even(steps), zero));
    const f32v clamped = clamp(add(steps, zero));
    return order == QW_RTN_ADD_CLAMP_ROUND ? round_even(clamped) : round_away(clamped);
  }
};

inline void range_vector(const float* x, int64_t count, float* smallest, float* largest_out) {
  f32v low = all(x[0]), high = low;
  for (int64_t i = 0; i < count; i += kLanes) {
    const f32v value = fill_rest(load_some(x + i, count - i), count - i >= kLanes ? kLanes : count - i, x[0]);
    low = min(low, value);
    high = max(high, value);
  }
  *smallest = -largest(sub(zero(), low)) + 0.0f;  // + 0: no negative zero
  *largest_out = largest(high);
}

// What is above is 1 and the rest 0 by the rounding of |x| / (2 threshold), which is above 1/2 just there. Without a threshold 0 adds nothing, and is not counted.
inline void magnitudes_vector(const float* x, int64_t count, float threshold, double* sum, int64_t* number) {
  const f32v step = all(threshold == 0.0f ? 0x1p-126f : 2.0f * threshold), one = all(1.0f);
  f64_sum total, ones;
  for (int64_t i = 0; i < count; i += kLanes) {
    const f32v value = absolute(load_some(x + i, count - i));
    const f32v above = min(round_even(div(value, step)), one);
    total.add(mul(value, above));
    ones.add(above);
  }
  *sum = total.total();
  *number = int64_t(ones.total());
}

inline uint32_t magnitude_vector(const float* x, int64_t count) {
  f32v most = zero();
  for (int64_t i = 0; i < count; i += kLanes) most = larger_magnitude(load_some(x + i, count - i), most);
  alignas(64) uint32_t lanes[kLanes];
  __builtin_memcpy(lanes, &most, sizeof lanes);
  uint32_t result = 0;
  for (uint32_t lane : lanes) result = lane > result ? lane : result;
  return result;
}

inline void quantize_vector(const float* x, int64_t count, const qw_rtn_grid* wanted, uint8_t* codes) {
  const Grid grid(*wanted);
  for (int64_t i = 0; i < count; i += kLanes) store_codes(codes + i, grid.code(load_some(x + i, count - i)), count - i);
}

// d^2.4 = a * a^(1/5) with a = d^2; the root by three Newton steps from within 4 %, which leaves f32 rounding.
inline f32v power_2_4(f32v difference) {
  const f32v a = mul(difference, difference);
  f32v root = fifth_of_bits(a);
  for (int step = 0; step < 3; ++step) {
    const f32v square = mul(root, root);
    root = mul(all(0.2f), fma(all(4.0f), root, div(a, mul(square, square))));
  }
  return mul(a, root);
}

inline double distance_vector(const float* x, int64_t count, const qw_rtn_grid* wanted, qw_rtn_norm norm) {
  const Grid grid(*wanted);
  f64_sum sum;
  for (int64_t i = 0; i < count; i += kLanes) {
    const f32v value = load_some(x + i, count - i);
    const f32v difference = absolute(sub(mul(sub(grid.code(value), grid.zero), grid.scale), value));
    const f32v power = norm == QW_RTN_SQUARE ? mul(difference, difference) : power_2_4(difference);
    sum.add(count - i >= kLanes ? power : fill_rest(power, count - i, 0.0f));
  }
  return sum.total();
}

inline void error_vector(const float* x, int64_t count, const uint8_t* codes, int is_signed, float scale, float zero_point, double* signal,
                         double* noise) {
  f64_sum signal_sum, noise_sum;
  const f32v step = all(scale), offset = all(zero_point);
  for (int64_t i = 0; i < count; i += kLanes) {
    const f32v value = load_some(x + i, count - i);
    const f32v restored = mul(sub(load_codes(codes + i, count - i, is_signed), offset), step);
    f32v difference = sub(value, restored);
    if (count - i < kLanes) difference = fill_rest(difference, count - i, 0.0f);
    signal_sum.add(mul(value, value));
    noise_sum.add(mul(difference, difference));
  }
  *signal += signal_sum.total();
  *noise += noise_sum.total();
}

}  // namespace
