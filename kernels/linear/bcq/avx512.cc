// bcq, AVX-512. Tables of 16 sums over 4 columns: one register. A permute takes the low four bits of each lane as index, so a shift and a
// permute look up the sums of 16 weight rows for 4 columns of a plane, in f32.
//
// Streaming: per line of 16 rows x 32 columns of a plane 8 shifts (p0), and for each row of x 8 permutes (p5) and 8 adds (p0/p5): 12 cycles
// at m = 1, 5.3 bytes of signs a cycle. A table is loaded once for all planes and, at m = 1, for two tiles.
// Building a table: 4 multiply-adds of a broadcast x by signs.
#include <immintrin.h>

#include "linear/bcq/codec.h"
#include "linear/load_params.h"

namespace {

constexpr int kColumns = 4, kEntries = 16, kTables = QW_BCQ_WORD / kColumns, kTableFloats = kTables * kEntries;

// +1 where bit `column` of the entry's number is set, else -1.
inline __m512 signs_of(int column) {
  const __m512i entry = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __mmask16 set = _mm512_test_epi32_mask(entry, _mm512_set1_epi32(1 << column));
  return _mm512_mask_blend_ps(set, _mm512_set1_ps(-1.0f), _mm512_set1_ps(1.0f));
}

void build(const float* x, int64_t words, float* tables) {
  const __m512 first = signs_of(0), second = signs_of(1), third = signs_of(2), fourth = signs_of(3);
  for (int64_t table = 0; table < words * kTables; ++table, x += kColumns, tables += kEntries) {
    const __m512 low_f32x16 = _mm512_fmadd_ps(second, _mm512_set1_ps(x[1]), _mm512_mul_ps(first, _mm512_set1_ps(x[0])));
    const __m512 high_f32x16 = _mm512_fmadd_ps(fourth, _mm512_set1_ps(x[3]), _mm512_mul_ps(third, _mm512_set1_ps(x[2])));
    _mm512_store_ps(tables, _mm512_add_ps(low_f32x16, high_f32x16));
  }
}

inline __m512 load_alpha(const qw_bcq_weight* weight, int64_t tile, int64_t group, int bit) {
  const int64_t at = (tile * weight->groups + group) * qw_bcq_alphas(weight);
  const __m512 alpha_f32x16 = load_params_f32x16(weight->alpha_type, weight->alpha, (at + (weight->doubling ? 0 : bit)) * QW_BCQ_TILE);
  return weight->doubling ? _mm512_mul_ps(alpha_f32x16, _mm512_set1_ps(float(1 << bit))) : alpha_f32x16;
}

inline __m512 load_bias(const qw_bcq_weight* weight, int64_t tile, int64_t group) {
  return load_params_f32x16(weight->bias_type, weight->q_bias, (tile * weight->groups + group) * QW_BCQ_TILE);
}

inline void store_tile(const qw_bcq_weight* weight, int64_t tile, __m512 sum_f32x16, const float* bias, float* y) {
  const int64_t row = tile * QW_BCQ_TILE, left = weight->base.rows - row;
  const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : __mmask16((1u << left) - 1);
  if (bias != nullptr) sum_f32x16 = _mm512_add_ps(sum_f32x16, _mm512_maskz_loadu_ps(mask, bias + row));
  _mm512_mask_storeu_ps(y + row, mask, sum_f32x16);
}

template <int kBits, int kM, int kTiles>
void stream_tiles(const qw_bcq_weight* weight, const float* tables, int64_t stride, const float* sums, const float* bias, float* y, int64_t ldy,
                  int64_t tile) {
  // Few planes need more chains to hide the 4 cycles of an add. The same at every m, so that a row is summed alike whatever comes with it.
  constexpr int kChains = kBits == 1 ? 4 : kBits == 2 ? 2 : 1;
  constexpr int64_t kWord = kBits * QW_BCQ_TILE;
  const uint32_t* planes = weight->planes + tile * weight->words * kWord;
  const int64_t tile_words = weight->words * kWord;
  __m512 total_f32x16[kTiles][kM];
  for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < kM; ++i) total_f32x16[t][i] = _mm512_setzero_ps();
  }
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m512 sum_f32x16[kTiles][kBits][kChains][kM];
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
      for (int bit = 0; bit < kBits; ++bit) {
#pragma GCC unroll 4
        for (int c = 0; c < kChains; ++c) {
#pragma GCC unroll 4
          for (int i = 0; i < kM; ++i) sum_f32x16[t][bit][c][i] = _mm512_setzero_ps();
        }
      }
    }
    for (int64_t word = weight->group_begin[group]; word < weight->group_begin[group + 1]; ++word) {
      __m512i signs[kTiles][kBits];
#pragma GCC unroll 2
      for (int t = 0; t < kTiles; ++t) {
        const uint32_t* line = planes + t * tile_words + word * kWord;
#pragma GCC unroll 4
        for (int bit = 0; bit < kBits; ++bit) {
          _mm_prefetch(reinterpret_cast<const char*>(line + bit * QW_BCQ_TILE) + 2048, _MM_HINT_T0);
          signs[t][bit] = _mm512_load_si512(line + bit * QW_BCQ_TILE);
        }
      }
      const float* table = tables + word * kTableFloats;
#pragma GCC unroll 8
      for (int n = 0; n < kTables; ++n) {
        __m512 table_f32x16[kM];
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) table_f32x16[i] = _mm512_load_ps(table + i * stride + n * kEntries);
#pragma GCC unroll 2
        for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
          for (int bit = 0; bit < kBits; ++bit) {
            const __m512i index = _mm512_srli_epi32(signs[t][bit], unsigned(n * kColumns));
#pragma GCC unroll 4
            for (int i = 0; i < kM; ++i) {
              __m512& to = sum_f32x16[t][bit][n % kChains][i];
              to = _mm512_add_ps(to, _mm512_permutexvar_ps(index, table_f32x16[i]));
            }
          }
        }
      }
    }
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
      for (int bit = 0; bit < kBits; ++bit) {
        const __m512 alpha_f32x16 = load_alpha(weight, tile + t, group, bit);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) {
          __m512 all_f32x16 = sum_f32x16[t][bit][0][i];
#pragma GCC unroll 4
          for (int c = 1; c < kChains; ++c) all_f32x16 = _mm512_add_ps(all_f32x16, sum_f32x16[t][bit][c][i]);
          total_f32x16[t][i] = _mm512_fmadd_ps(alpha_f32x16, all_f32x16, total_f32x16[t][i]);
        }
      }
      if (weight->q_bias != nullptr) {
        const __m512 bias_f32x16 = load_bias(weight, tile + t, group);
#pragma GCC unroll 4
        for (int i = 0; i < kM; ++i) total_f32x16[t][i] = _mm512_fmadd_ps(bias_f32x16, _mm512_set1_ps(sums[i * weight->groups + group]), total_f32x16[t][i]);
      }
    }
  }
  for (int t = 0; t < kTiles; ++t) {
    for (int i = 0; i < kM; ++i) store_tile(weight, tile + t, total_f32x16[t][i], bias, y + i * ldy);
  }
}

template <int kBits>
void stream_bits(const qw_bcq_weight* weight, const float* tables, int64_t stride, const float* sums, int m, const float* bias, float* y,
                 int64_t ldy, int64_t begin, int64_t end) {
  int64_t tile = begin;
  if (m == 1) {
    for (; tile + 2 <= end; tile += 2) stream_tiles<kBits, 1, 2>(weight, tables, stride, sums, bias, y, ldy, tile);
  }
  for (; tile < end; ++tile) {
    if (m == 1) stream_tiles<kBits, 1, 1>(weight, tables, stride, sums, bias, y, ldy, tile);
    if (m == 2) stream_tiles<kBits, 2, 1>(weight, tables, stride, sums, bias, y, ldy, tile);
    if (m == 3) stream_tiles<kBits, 3, 1>(weight, tables, stride, sums, bias, y, ldy, tile);
    if (m == 4) stream_tiles<kBits, 4, 1>(weight, tables, stride, sums, bias, y, ldy, tile);
  }
}

void stream(const qw_bcq_weight* weight, const qw_bcq_x* x, int first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  const int64_t stride = weight->words * kTableFloats;
  const float *tables = x->tables + first * stride, *sums = x->sums + first * weight->groups;
  if (weight->bits == 1) stream_bits<1>(weight, tables, stride, sums, m, bias, y, ldy, begin, end);
  if (weight->bits == 2) stream_bits<2>(weight, tables, stride, sums, m, bias, y, ldy, begin, end);
  if (weight->bits == 3) stream_bits<3>(weight, tables, stride, sums, m, bias, y, ldy, begin, end);
  if (weight->bits == 4) stream_bits<4>(weight, tables, stride, sums, m, bias, y, ldy, begin, end);
}

// 32 columns of a tile: a shift brings the sign of a plane to that of a float.
template <int kBits>
void fill_word(const uint32_t* line, const __m512* alpha_f32x16, __m512 bias_f32x16, float* out) {
  __m512i signs[kBits];
#pragma GCC unroll 4
  for (int bit = 0; bit < kBits; ++bit) signs[bit] = _mm512_load_si512(line + bit * QW_BCQ_TILE);
  for (int k = 0; k < QW_BCQ_WORD; ++k, out += 32) {
    __m512 value_f32x16 = bias_f32x16;
#pragma GCC unroll 4
    for (int bit = 0; bit < kBits; ++bit) {
      const __m512i sign = _mm512_sll_epi32(signs[bit], _mm_cvtsi32_si128(31 - k));
      // alpha ^ (~sign & 0x80000000)
      const __m512i term = _mm512_ternarylogic_epi32(_mm512_castps_si512(alpha_f32x16[bit]), sign, _mm512_set1_epi32(int(0x80000000u)), 0xd2);
      value_f32x16 = _mm512_add_ps(value_f32x16, _mm512_castsi512_ps(term));
    }
    _mm512_store_ps(out, value_f32x16);
  }
}

// Two tiles side by side: panel[column][32].
void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_bcq_weight* weight = static_cast<const qw_bcq_weight*>(base);
  for (int half = 0; half < 2; ++half) {
    const int64_t tile = row / QW_BCQ_TILE + half;
    float* out = panel + half * 16;
    if (tile >= weight->tiles) {
      for (int64_t k = 0; k < count; ++k) _mm512_store_ps(out + k * 32, _mm512_setzero_ps());
      continue;
    }
    const int64_t end = (column + count) / QW_BCQ_WORD;
    int64_t word = column / QW_BCQ_WORD, group = 0;
    while (weight->group_begin[group + 1] <= word) ++group;
    for (; word < end; ++group) {
      __m512 alpha_f32x16[QW_BCQ_BITS];
      for (int bit = 0; bit < weight->bits; ++bit) alpha_f32x16[bit] = load_alpha(weight, tile, group, bit);
      const __m512 bias_f32x16 = weight->q_bias == nullptr ? _mm512_setzero_ps() : load_bias(weight, tile, group);
      for (; word < end && word < weight->group_begin[group + 1]; ++word, out += QW_BCQ_WORD * 32) {
        const uint32_t* line = weight->planes + (tile * weight->words + word) * weight->bits * QW_BCQ_TILE;
        if (weight->bits == 1) fill_word<1>(line, alpha_f32x16, bias_f32x16, out);
        if (weight->bits == 2) fill_word<2>(line, alpha_f32x16, bias_f32x16, out);
        if (weight->bits == 3) fill_word<3>(line, alpha_f32x16, bias_f32x16, out);
        if (weight->bits == 4) fill_word<4>(line, alpha_f32x16, bias_f32x16, out);
      }
    }
  }
}

}  // namespace

extern const qw_bcq_kernels qw_bcq_avx512 = {4, kTableFloats, build, stream, fill};
