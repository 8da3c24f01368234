// 16 packed codes (kv/codes.h) as f32, in 16 / kLanes vectors. Included only by neon.cc, avx2.cc and avx512.cc files, as cpu/vector_f32.h is.
#pragma once
#include "cpu/vector_f32.h"

namespace {

constexpr int kKvVectors = int(16 / kLanes);

#if defined(__aarch64__)

inline void widen(uint8x16_t codes, f32v (&out)[kKvVectors]) {
  const uint16x8_t low = vmovl_u8(vget_low_u8(codes)), high = vmovl_high_u8(codes);
  out[0] = vcvtq_f32_u32(vmovl_u16(vget_low_u16(low)));
  out[1] = vcvtq_f32_u32(vmovl_high_u16(low));
  out[2] = vcvtq_f32_u32(vmovl_u16(vget_low_u16(high)));
  out[3] = vcvtq_f32_u32(vmovl_high_u16(high));
}

template <int kBits>
inline uint8x16_t codes16(const uint8_t* packed) {
  if constexpr (kBits == 8) {
    return vld1q_u8(packed);
  } else if constexpr (kBits == 4) {
    const uint8x8_t bytes = vld1_u8(packed);
    return vcombine_u8(vand_u8(bytes, vdup_n_u8(15)), vshr_n_u8(bytes, 4));
  } else {
    uint32_t word;
    __builtin_memcpy(&word, packed, 4);
    static const int32_t kShifts[4] = {0, -2, -4, -6};
    const uint8x16_t low = vandq_u8(vreinterpretq_u8_u32(vshlq_u32(vdupq_n_u32(word), vld1q_s32(kShifts))), vdupq_n_u8(3));
    if constexpr (kBits == 2) return low;
    static const uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t third = vtstq_u8(vcombine_u8(vdup_n_u8(packed[4]), vdup_n_u8(packed[5])), vld1q_u8(kBit));
    return vorrq_u8(low, vandq_u8(third, vdupq_n_u8(4)));
  }
}

// Of fp8 e4m3: sign, 4 bits of exponent (bias 7), 3 of fraction; no infinities. Times 2^120 brings the exponent's bias to that of f32, subnormals included.
inline void fp8_16(const uint8_t* codes, f32v (&out)[kKvVectors]) {
  const uint8x16_t bytes = vld1q_u8(codes);
  const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
  const uint32x4_t words[4] = {vmovl_u16(vget_low_u16(low)), vmovl_high_u16(low), vmovl_u16(vget_low_u16(high)), vmovl_high_u16(high)};
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t magnitude = vshlq_n_u32(vandq_u32(words[i], vdupq_n_u32(0x7f)), 20), sign = vshlq_n_u32(vandq_u32(words[i], vdupq_n_u32(0x80)), 24);
    out[i] = mul(vreinterpretq_f32_u32(vorrq_u32(magnitude, sign)), all(0x1p120f));
  }
}

#else

inline void widen(__m128i codes, f32v (&out)[kKvVectors]) {
#if defined(__AVX512F__)
  out[0] = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(codes));
#else
  out[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes));
  out[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(codes, codes)));
#endif
}

template <int kBits>
inline __m128i codes16(const uint8_t* packed) {
  if constexpr (kBits == 8) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed));
  } else if constexpr (kBits == 4) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packed));
    return _mm_and_si128(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
  } else {
    int32_t word;
    __builtin_memcpy(&word, packed, 4);
    const __m128i low = _mm_and_si128(_mm_srlv_epi32(_mm_set1_epi32(word), _mm_setr_epi32(0, 2, 4, 6)), _mm_set1_epi8(3));
    if constexpr (kBits == 2) return low;
    const __m128i bytes = _mm_unpacklo_epi64(_mm_set1_epi8(char(packed[4])), _mm_set1_epi8(char(packed[5])));
    const __m128i bit = _mm_set1_epi64x(int64_t(0x8040201008040201ULL));
    const __m128i third = _mm_cmpeq_epi8(_mm_and_si128(bytes, bit), bit);
    return _mm_or_si128(low, _mm_and_si128(third, _mm_set1_epi8(4)));
  }
}

// Of fp8 e4m3: sign, 4 bits of exponent (bias 7), 3 of fraction; no infinities. Times 2^120 brings the exponent's bias to that of f32, subnormals included.
inline void fp8_16(const uint8_t* codes, f32v (&out)[kKvVectors]) {
#if defined(__AVX512F__)
  const __m512i words = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  const __m512i magnitude = _mm512_slli_epi32(_mm512_and_si512(words, _mm512_set1_epi32(0x7f)), 20);
  const __m512i sign = _mm512_slli_epi32(_mm512_and_si512(words, _mm512_set1_epi32(0x80)), 24);
  out[0] = mul(_mm512_castsi512_ps(_mm512_or_si512(magnitude, sign)), all(0x1p120f));
#else
  for (int i = 0; i < 2; ++i) {
    const __m256i words = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + 8 * i)));
    const __m256i magnitude = _mm256_slli_epi32(_mm256_and_si256(words, _mm256_set1_epi32(0x7f)), 20);
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(words, _mm256_set1_epi32(0x80)), 24);
    out[i] = mul(_mm256_castsi256_ps(_mm256_or_si256(magnitude, sign)), all(0x1p120f));
  }
#endif
}

#endif

template <int kBits>
inline void codes_f32(const uint8_t* packed, f32v (&out)[kKvVectors]) {
  widen(codes16<kBits>(packed), out);
}

}  // namespace
