// qrazor, AVX2: f32 products of codes as grouped/avx2.h widens them; a group's sum is multiplied with 2^shift, made from its bits.
//
// Streaming, 8 rows and an eight of columns: 24 instructions of widening and 8 FMAs a row of x. A group adds 7 instructions to that and 2 a row
// of x: a fifth with groups of 8. Along outputs, the columns of x are multiplied with 2^shift first, 256 at a time, for every 8 rows of weights.
#include <immintrin.h>

#include "linear/grouped/avx2.h"
#include "linear/qrazor/codec.h"

namespace {

// Eight shifts from a line's bits.
inline __m256i load_shifts(uint32_t eight, int shift_bits) {
  const __m256i counts = _mm256_mullo_epi32(_mm256_set1_epi32(shift_bits), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(int(eight)), counts), _mm256_set1_epi32((1 << shift_bits) - 1));
}
inline __m256 two_to(__m256i shifts) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(shifts, _mm256_set1_epi32(127)), 23)); }
inline uint32_t read_eight(const uint8_t* at) {
  uint32_t eight;
  memcpy(&eight, at, 4);
  return eight;
}

inline __m256i eight_first(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline float sum_of(__m256 values_f32x8) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(values_f32x8), _mm256_extractf128_ps(values_f32x8, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

void prepare(const qw_qrazor_weight* weight, const qw_qrazor_x* x) {
  if (weight->along_outputs) return;
  for (int64_t i = 0; i < x->m; ++i) {
    for (int64_t group = 0; group < weight->groups; ++group) {
      __m256 sum_f32x8 = _mm256_setzero_ps();
      const float* values = x->values + i * x->ld + group * weight->group_size;
      for (int64_t k = 0; k < weight->group_size; k += 8) sum_f32x8 = _mm256_add_ps(sum_f32x8, _mm256_loadu_ps(values + k));
      x->sums[i * weight->groups + group] = -float(weight->code_offset) * sum_of(sum_f32x8);
    }
  }
}

// sum += columns [kFirst, kFirst + kCount) of a block * x. Two chains a row of x at every m: see grouped/avx2.h.
template <int kBits, int kRows, int kFirst, int kCount>
inline void add_columns(__m256 (&sum_f32x8)[kRows][2], const uint8_t* codes, int64_t block, int half, const float* x, int64_t ld) {
  const typename Widened<kBits>::Lines lines = Widened<kBits>::load(codes, block, half);
#pragma GCC unroll 16
  for (int j = 0; j < kCount; ++j) {
    const __m256 code_f32x8 = Widened<kBits>::widen(lines, kFirst + j);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) sum_f32x8[i][j % 2] = _mm256_fmadd_ps(code_f32x8, _mm256_set1_ps(x[i * ld + j]), sum_f32x8[i][j % 2]);
  }
}

template <int kBits, int kRows>
inline void add_eight(__m256 (&sum_f32x8)[kRows][2], const uint8_t* codes, int64_t eight, int half, const float* x, int64_t ld) {
  if constexpr (kBits == 4) {
    add_columns<4, kRows, 0, 8>(sum_f32x8, codes, eight, half, x, ld);
  } else if constexpr (kBits == 8) {
    add_columns<8, kRows, 0, 4>(sum_f32x8, codes, 2 * eight, half, x, ld);
    add_columns<8, kRows, 0, 4>(sum_f32x8, codes, 2 * eight + 1, half, x + 4, ld);
  } else if (eight % 2 == 0) {
    add_columns<kBits, kRows, 0, 8>(sum_f32x8, codes, eight / 2, half, x, ld);
  } else {
    add_columns<kBits, kRows, 8, 8>(sum_f32x8, codes, eight / 2, half, x, ld);
  }
}

template <int kBits, int kRows>
void stream_inputs(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int64_t tile, int half, __m256 (&total_f32x8)[kRows]) {
  const uint8_t* codes = weight->grouped.codes + tile * weight->grouped.tile_bytes;
  const uint8_t* shifts = qw_qrazor_tile_shifts(weight, tile, 0) + half * weight->shift_bits;
  const float* values = x->values + first * x->ld;
  const int64_t eights = weight->group_size / 8;
  for (int64_t group = 0, eight = 0; group < weight->groups; ++group, shifts += 2 * weight->shift_bits) {
    __m256 sum_f32x8[kRows][2];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      sum_f32x8[i][0] = _mm256_set1_ps(x->sums[(first + i) * weight->groups + group]);
      sum_f32x8[i][1] = _mm256_setzero_ps();
    }
    for (const int64_t end = eight + eights; eight < end; ++eight) add_eight<kBits, kRows>(sum_f32x8, codes, eight, half, values + eight * 8, x->ld);
    const __m256 factor_f32x8 = two_to(load_shifts(read_eight(shifts), weight->shift_bits));
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      total_f32x8[i] = _mm256_fmadd_ps(factor_f32x8, _mm256_add_ps(sum_f32x8[i][0], sum_f32x8[i][1]), total_f32x8[i]);
    }
  }
}

template <int kBits, int kRows>
void stream_outputs(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int64_t tile, int half, __m256 (&total_f32x8)[kRows]) {
  constexpr int64_t kColumns = 256;
  alignas(32) float shifted[kRows * kColumns];
  const uint8_t* codes = weight->grouped.codes + tile * weight->grouped.tile_bytes;
  const uint8_t* shifts = qw_qrazor_row_shifts(weight, tile * QW_TILE_ROWS + half * 8);
  const int64_t depth = weight->grouped.depth, step = weight->grouped.step;
  for (int64_t begin = 0; begin < depth; begin += kColumns) {
    const int64_t count = depth - begin < kColumns ? depth - begin : kColumns;
    __m256 x_sum_f32x8[kRows];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) x_sum_f32x8[i] = _mm256_setzero_ps();
    for (int64_t k = 0; k < count; k += 8) {
      const __m256 factor_f32x8 = two_to(load_shifts(read_eight(shifts + (begin + k) / 8 * weight->shift_bits), weight->shift_bits));
      const __m256i valid = eight_first(count - k);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const __m256 x_f32x8 = _mm256_mul_ps(_mm256_maskload_ps(x->values + (first + i) * x->ld + begin + k, valid), factor_f32x8);
        _mm256_store_ps(shifted + i * kColumns + k, x_f32x8);
        x_sum_f32x8[i] = _mm256_add_ps(x_sum_f32x8[i], x_f32x8);
      }
    }
    __m256 sum_f32x8[kRows][2];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      sum_f32x8[i][0] = _mm256_set1_ps(-float(weight->code_offset) * sum_of(x_sum_f32x8[i]));
      sum_f32x8[i][1] = _mm256_setzero_ps();
    }
    for (int64_t k = 0; k < count; k += step) {
      add_columns<kBits, kRows, 0, Widened<kBits>::kColumns>(sum_f32x8, codes, (begin + k) / step, half, shifted + k, kColumns);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) total_f32x8[i] = _mm256_add_ps(total_f32x8[i], _mm256_add_ps(sum_f32x8[i][0], sum_f32x8[i][1]));
  }
}

template <int kBits, int kRows>
void stream_rows(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, const float* bias, float* y, int64_t ldy, int64_t begin,
                 int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int half = 0; half < 2; ++half) {
      __m256 total_f32x8[kRows];
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) total_f32x8[i] = _mm256_setzero_ps();
      weight->along_outputs ? stream_outputs<kBits, kRows>(weight, x, first, tile, half, total_f32x8)
                            : stream_inputs<kBits, kRows>(weight, x, first, tile, half, total_f32x8);
      const __m256 scale_f32x8 = _mm256_load_ps(qw_qrazor_scales(weight, tile) + half * 8);
      for (int i = 0; i < kRows; ++i) {
        store_tile(&weight->grouped, tile * QW_TILE_ROWS + half * 8, _mm256_mul_ps(total_f32x8[i], scale_f32x8), bias, y + i * ldy);
      }
    }
  }
}

void stream(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  using Stream = void (*)(const qw_qrazor_weight*, const qw_qrazor_x*, int64_t, const float*, float*, int64_t, int64_t, int64_t);
#define QW_ROWS(bits) {nullptr, stream_rows<bits, 1>, stream_rows<bits, 2>, stream_rows<bits, 3>, stream_rows<bits, 4>}
  static constexpr Stream kStreams[3][QW_QRAZOR_ROWS + 1] = {QW_ROWS(3), QW_ROWS(4), QW_ROWS(8)};
#undef QW_ROWS
  const int bits = weight->grouped.bits;
  kStreams[bits == 3 ? 0 : bits == 4 ? 1 : 2][m](weight, x, first, bias, y, ldy, begin, end);
}

// Shifts of columns [k, k + 4) for 8 rows as factors of the pairs (0, 2) and (1, 3) of a quad.
struct PairFactors {
  __m256i even_i16x16, odd_i16x16;
};
inline PairFactors pair_factors(const qw_qrazor_weight* weight, int64_t tile, int half, int64_t k) {
  const int bits = weight->shift_bits;
  if (!weight->along_outputs) {
    const __m256i shifts = load_shifts(read_eight(qw_qrazor_tile_shifts(weight, tile, k / weight->group_size) + half * bits), bits);
    const __m256i factors = _mm256_sllv_epi32(_mm256_set1_epi32(0x00010001), shifts);
    return {factors, factors};
  }
  const uint8_t* line = qw_qrazor_row_shifts(weight, tile * QW_TILE_ROWS + half * 8);
  const auto factor = [&](int64_t column) { return 1 << qw_qrazor_shift_at(line, bits, column); };
  return {_mm256_set1_epi32(factor(k) | factor(k + 2) << 16), _mm256_set1_epi32(factor(k + 1) | factor(k + 3) << 16)};
}

template <int kBits>
void fill16(const qw_qrazor_weight* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  constexpr int kQuads = Quads<kBits>::kCount;
  const uint8_t* codes = weight->grouped.codes + tile * weight->grouped.tile_bytes;
  const __m256i offset_i16x16 = _mm256_set1_epi16(short(weight->code_offset));
  __m256i* out = reinterpret_cast<__m256i*>(panel);
  for (int64_t b = begin; b < end; ++b, out += 4 * kQuads) {
    for (int half = 0; half < 2; ++half) {
      const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b, half);
#pragma GCC unroll 4
      for (int q = 0; q < kQuads; ++q) {
        const PairFactors factors = pair_factors(weight, tile, half, (b * kQuads + q) * 4);
        const __m256i quad = Quads<kBits>::quad(lines, q);
        const __m256i even = _mm256_sub_epi16(_mm256_and_si256(quad, _mm256_set1_epi16(255)), offset_i16x16);
        const __m256i odd = _mm256_sub_epi16(_mm256_srli_epi16(quad, 8), offset_i16x16);
        _mm256_store_si256(out + 4 * q + half, _mm256_mullo_epi16(even, factors.even_i16x16));
        _mm256_store_si256(out + 4 * q + 2 + half, _mm256_mullo_epi16(odd, factors.odd_i16x16));
      }
    }
  }
}

template <int kBits, int kWidth>
void fill(const qw_qrazor_weight* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  constexpr int kColumns = Widened<kBits>::kColumns;
  const __m256 offset_f32x8 = _mm256_set1_ps(float(weight->code_offset));
  for (int part = 0; part < kWidth / 8; ++part) {
    const int64_t tile = row / QW_TILE_ROWS + part / 2;
    const int half = part % 2;
    float* out = panel + part * 8;
    if (tile >= weight->grouped.tiles) {
      for (int64_t k = 0; k < count; ++k) _mm256_store_ps(out + k * kWidth, _mm256_setzero_ps());
      continue;
    }
    const uint8_t* codes = weight->grouped.codes + tile * weight->grouped.tile_bytes;
    const uint8_t* line = weight->along_outputs ? qw_qrazor_row_shifts(weight, tile * QW_TILE_ROWS + half * 8) : nullptr;
    const __m256 scale_f32x8 = _mm256_load_ps(qw_qrazor_scales(weight, tile) + half * 8);
    for (int64_t k = column; k < column + count; k += kColumns) {
      const typename Widened<kBits>::Lines lines = Widened<kBits>::load(codes, k / kColumns, half);
      __m256 factor_f32x8 = _mm256_setzero_ps();
#pragma GCC unroll 16
      for (int j = 0; j < kColumns; ++j, out += kWidth) {
        if (line != nullptr) {
          factor_f32x8 = _mm256_set1_ps(float(1 << qw_qrazor_shift_at(line, weight->shift_bits, k + j)));
        } else if (j % 8 == 0) {
          const uint8_t* shifts = qw_qrazor_tile_shifts(weight, tile, (k + j) / weight->group_size) + half * weight->shift_bits;
          factor_f32x8 = two_to(load_shifts(read_eight(shifts), weight->shift_bits));
        }
        const __m256 code_f32x8 = _mm256_sub_ps(Widened<kBits>::widen(lines, j), offset_f32x8);
        _mm256_store_ps(out, _mm256_mul_ps(_mm256_mul_ps(code_f32x8, factor_f32x8), scale_f32x8));
      }
    }
  }
}

template <int kWidth>
void fill_of(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_qrazor_weight* weight = static_cast<const qw_qrazor_weight*>(base);
  if (weight->grouped.bits == 3) return fill<3, kWidth>(weight, row, column, count, panel);
  if (weight->grouped.bits == 4) return fill<4, kWidth>(weight, row, column, count, panel);
  fill<8, kWidth>(weight, row, column, count, panel);
}

}  // namespace

const qw_qrazor_kernels qw_qrazor_avx2 = {prepare, stream};

void qw_qrazor_fill16_avx2(const qw_grouped* base, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  const qw_qrazor_weight* weight = reinterpret_cast<const qw_qrazor_weight*>(base);
  if (base->bits == 3) return fill16<3>(weight, tile, begin, end, panel);
  if (base->bits == 4) return fill16<4>(weight, tile, begin, end, panel);
  fill16<8>(weight, tile, begin, end, panel);
}

void qw_qrazor_fill_16_avx2(const void* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  fill_of<16>(weight, row, column, count, panel);
}

void qw_qrazor_fill_32_avx2(const void* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  fill_of<32>(weight, row, column, count, panel);
}
