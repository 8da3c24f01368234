// The kernels of kvquant.h for the vector width of the including file.
#pragma once
#include "kv/kvquant/kvquant.h"
#include "kv/lanes.h"

namespace {

#if defined(__aarch64__)

// Byte b of every entry, so that 16 codes look up 16 bytes at once.
struct Book {
  uint8x16_t planes[4];
  explicit Book(const float* book) {
    const uint8x16x4_t split = vld4q_u8(reinterpret_cast<const uint8_t*>(book));
    for (int b = 0; b < 4; ++b) planes[b] = split.val[b];
  }
  void entries(uint8x16_t codes, f32v (&out)[kKvVectors]) const {
    uint8x16x4_t found;
    for (int b = 0; b < 4; ++b) found.val[b] = vqtbl1q_u8(planes[b], codes);
    float whole[16];
    vst4q_u8(reinterpret_cast<uint8_t*>(whole), found);
    for (int v = 0; v < kKvVectors; ++v) out[v] = vld1q_f32(whole + 4 * v);
  }
};

#elif defined(__AVX512F__)

struct Book {
  __m512 table;
  explicit Book(const float* book) : table(_mm512_loadu_ps(book)) {}
  void entries(__m128i codes, f32v (&out)[kKvVectors]) const { out[0] = _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(codes), table); }
};

#else

struct Book {
  __m256 low, high;
  explicit Book(const float* book) : low(_mm256_loadu_ps(book)), high(_mm256_loadu_ps(book + 8)) {}
  // Bit 3 of a code chooses the half; it is moved to the sign, which a blend looks at.
  f32v entries8(__m256i codes) const {
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, codes), _mm256_permutevar8x32_ps(high, codes), upper);
  }
  void entries(__m128i codes, f32v (&out)[kKvVectors]) const {
    out[0] = entries8(_mm256_cvtepu8_epi32(codes));
    out[1] = entries8(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(codes, codes)));
  }
};

#endif

template <int kBits>
void keys16(const uint8_t* codes, const Book& book, const float* ranges, const float* offsets, int64_t head_dim, float* out) {
  for (int64_t d = 0; d < head_dim; ++d, codes += 2 * kBits, out += 16) {
    f32v x[kKvVectors];
    book.entries(codes16<kBits>(codes), x);
    for (int v = 0; v < kKvVectors; ++v) store(out + v * kLanes, add(mul(x[v], all(ranges[d])), all(offsets[d])));
  }
}

template <int kBits>
void values16(const uint8_t* codes, const Book& book, float range, float offset, int64_t packs, float* out) {
  for (int64_t p = 0; p < packs; ++p, codes += 2 * kBits, out += 16) {
    f32v x[kKvVectors];
    book.entries(codes16<kBits>(codes), x);
    for (int v = 0; v < kKvVectors; ++v) store(out + v * kLanes, add(mul(x[v], all(range)), all(offset)));
  }
}

inline void kvquant_keys(int bits, const uint8_t* codes, const float* book, const float* ranges, const float* offsets, int64_t head_dim, float* out) {
  const Book table(book);
  if (bits == 4) keys16<4>(codes, table, ranges, offsets, head_dim, out);
  if (bits == 3) keys16<3>(codes, table, ranges, offsets, head_dim, out);
  if (bits == 2) keys16<2>(codes, table, ranges, offsets, head_dim, out);
}

inline void kvquant_values(int bits, const uint8_t* codes, const float* book, float range, float offset, int64_t packs, float* out) {
  const Book table(book);
  if (bits == 4) values16<4>(codes, table, range, offset, packs, out);
  if (bits == 3) values16<3>(codes, table, range, offset, packs, out);
  if (bits == 2) values16<2>(codes, table, range, offset, packs, out);
}

inline void kvquant_rope(float* x, int64_t half, const float* cosines, const float* sines) {
  float* later = x + half * 16;
  for (int64_t i = 0; i < half * 16; i += kLanes) {
    const f32v first = load(x + i), second = load(later + i), c = load(cosines + i), s = load(sines + i);
    store(x + i, sub(mul(first, c), mul(second, s)));
    store(later + i, add(mul(second, c), mul(first, s)));
  }
}

}  // namespace
