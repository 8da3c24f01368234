// bcq, AVX2. Tables of 8 sums over 3 columns: one register. A permute takes the low three bits of each lane as index, so a shift and a permute
// look up the sums of 8 weight rows for 3 columns of a plane, in f32; the last of the 11 tables of a word holds its 2 last columns.
//
// Streaming: per half line (8 rows x 32 columns of a plane) 11 shifts, and for each row of x 11 permutes (p5) and 11 adds: 11 cycles at
// m = 1, 2.9 bytes of signs a cycle. Tables of 4 columns would need two permutes and a blend.
#include <immintrin.h>

#include "linear/bcq/codec.h"
#include "linear/load_params.h"

namespace {

constexpr int kColumns = 3, kEntries = 8, kTables = 11, kTableFloats = kTables * kEntries;

void build(const float* x, int64_t words, float* tables) {
  const __m256 first = _mm256_setr_ps(-1, 1, -1, 1, -1, 1, -1, 1), second = _mm256_setr_ps(-1, -1, 1, 1, -1, -1, 1, 1);
  const __m256 third = _mm256_setr_ps(-1, -1, -1, -1, 1, 1, 1, 1);
  for (int64_t word = 0; word < words; ++word, x += QW_BCQ_WORD) {
    for (int n = 0; n < kTables; ++n, tables += kEntries) {
      const float* at = x + n * kColumns;
      __m256 sum_f32x8 = _mm256_fmadd_ps(second, _mm256_broadcast_ss(at + 1), _mm256_mul_ps(first, _mm256_broadcast_ss(at)));
      if (n + 1 < kTables) sum_f32x8 = _mm256_fmadd_ps(third, _mm256_broadcast_ss(at + 2), sum_f32x8);
      _mm256_store_ps(tables, sum_f32x8);
    }
  }
}

inline __m256 load_alpha(const qw_bcq_weight* weight, int64_t tile, int half, int64_t group, int bit) {
  const int64_t at = (tile * weight->groups + group) * qw_bcq_alphas(weight) + (weight->doubling ? 0 : bit);
  const __m256 alpha_f32x8 = load_params_f32x8(weight->alpha_type, weight->alpha, at * QW_BCQ_TILE + half * 8);
  return weight->doubling ? _mm256_mul_ps(alpha_f32x8, _mm256_set1_ps(float(1 << bit))) : alpha_f32x8;
}

inline __m256 load_bias(const qw_bcq_weight* weight, int64_t tile, int half, int64_t group) {
  return load_params_f32x8(weight->bias_type, weight->q_bias, (tile * weight->groups + group) * QW_BCQ_TILE + half * 8);
}

inline void store_half(const qw_bcq_weight* weight, int64_t row, __m256 sum_f32x8, const float* bias, float* y) {
  if (row + 8 <= weight->base.rows) {
    if (bias != nullptr) sum_f32x8 = _mm256_add_ps(sum_f32x8, _mm256_loadu_ps(bias + row));
    _mm256_storeu_ps(y + row, sum_f32x8);
    return;
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum_f32x8);
  for (int r = 0; r < 8 && row + r < weight->base.rows; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

template <int kBits, int kM>
void stream_half(const qw_bcq_weight* weight, const float* tables, int64_t stride, const float* sums, const float* bias, float* y, int64_t ldy,
                 int64_t tile, int half) {
  // Few planes need more chains to hide the 4 cycles of an add. The same at every m, so that a row is summed alike whatever comes with it.
  constexpr int kChains = kBits == 1 ? 4 : kBits <= 3 ? 2 : 1;
  constexpr int64_t kWord = kBits * QW_BCQ_TILE;
  const uint32_t* planes = weight->planes + tile * weight->words * kWord + half * 8;
  __m256 total_f32x8[kM];
#pragma GCC unroll 2
  for (int i = 0; i < kM; ++i) total_f32x8[i] = _mm256_setzero_ps();
  for (int64_t group = 0; group < weight->groups; ++group) {
    __m256 sum_f32x8[kBits][kChains][kM];
#pragma GCC unroll 4
    for (int bit = 0; bit < kBits; ++bit) {
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) {
#pragma GCC unroll 2
        for (int i = 0; i < kM; ++i) sum_f32x8[bit][c][i] = _mm256_setzero_ps();
      }
    }
    for (int64_t word = weight->group_begin[group]; word < weight->group_begin[group + 1]; ++word) {
      const uint32_t* line = planes + word * kWord;
      __m256i signs[kBits];
#pragma GCC unroll 4
      for (int bit = 0; bit < kBits; ++bit) {
        _mm_prefetch(reinterpret_cast<const char*>(line + bit * QW_BCQ_TILE) + 2048, _MM_HINT_T0);
        signs[bit] = _mm256_load_si256(reinterpret_cast<const __m256i*>(line + bit * QW_BCQ_TILE));
      }
      const float* table = tables + word * kTableFloats;
#pragma GCC unroll 11
      for (int n = 0; n < kTables; ++n) {
        __m256 table_f32x8[kM];
#pragma GCC unroll 2
        for (int i = 0; i < kM; ++i) table_f32x8[i] = _mm256_load_ps(table + i * stride + n * kEntries);
#pragma GCC unroll 4
        for (int bit = 0; bit < kBits; ++bit) {
          const __m256i index = _mm256_srli_epi32(signs[bit], n * kColumns);
#pragma GCC unroll 2
          for (int i = 0; i < kM; ++i) {
            __m256& to = sum_f32x8[bit][n % kChains][i];
            to = _mm256_add_ps(to, _mm256_permutevar8x32_ps(table_f32x8[i], index));
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int bit = 0; bit < kBits; ++bit) {
      const __m256 alpha_f32x8 = load_alpha(weight, tile, half, group, bit);
#pragma GCC unroll 2
      for (int i = 0; i < kM; ++i) {
        __m256 all_f32x8 = sum_f32x8[bit][0][i];
#pragma GCC unroll 4
        for (int c = 1; c < kChains; ++c) all_f32x8 = _mm256_add_ps(all_f32x8, sum_f32x8[bit][c][i]);
        total_f32x8[i] = _mm256_fmadd_ps(alpha_f32x8, all_f32x8, total_f32x8[i]);
      }
    }
    if (weight->q_bias != nullptr) {
      const __m256 bias_f32x8 = load_bias(weight, tile, half, group);
#pragma GCC unroll 2
      for (int i = 0; i < kM; ++i) total_f32x8[i] = _mm256_fmadd_ps(bias_f32x8, _mm256_set1_ps(sums[i * weight->groups + group]), total_f32x8[i]);
    }
  }
  for (int i = 0; i < kM; ++i) store_half(weight, tile * QW_BCQ_TILE + half * 8, total_f32x8[i], bias, y + i * ldy);
}

template <int kBits>
void stream_bits(const qw_bcq_weight* weight, const float* tables, int64_t stride, const float* sums, int m, const float* bias, float* y,
                 int64_t ldy, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int half = 0; half < 2; ++half) {
      if (m == 1) stream_half<kBits, 1>(weight, tables, stride, sums, bias, y, ldy, tile, half);
      if (m == 2) stream_half<kBits, 2>(weight, tables, stride, sums, bias, y, ldy, tile, half);
    }
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

// One tile: panel[column][16]. A shift brings the sign of a plane to that of a float.
void fill(const void* base, int64_t row, int64_t column, int64_t count, float* panel) {
  const qw_bcq_weight* weight = static_cast<const qw_bcq_weight*>(base);
  const int64_t tile = row / QW_BCQ_TILE, end = (column + count) / QW_BCQ_WORD;
  const int bits = weight->bits;
  const __m256 sign_bit = _mm256_set1_ps(-0.0f);
  for (int half = 0; half < 2; ++half) {
    float* out = panel + half * 8;
    int64_t word = column / QW_BCQ_WORD, group = 0;
    while (weight->group_begin[group + 1] <= word) ++group;
    for (; word < end; ++group) {
      __m256 alpha_f32x8[QW_BCQ_BITS];
      for (int bit = 0; bit < bits; ++bit) alpha_f32x8[bit] = load_alpha(weight, tile, half, group, bit);
      const __m256 bias_f32x8 = weight->q_bias == nullptr ? _mm256_setzero_ps() : load_bias(weight, tile, half, group);
      for (; word < end && word < weight->group_begin[group + 1]; ++word) {
        const uint32_t* line = weight->planes + (tile * weight->words + word) * bits * QW_BCQ_TILE + half * 8;
        for (int k = 0; k < QW_BCQ_WORD; ++k, out += 16) {
          __m256 value_f32x8 = bias_f32x8;
          for (int bit = 0; bit < bits; ++bit) {
            const __m256i signs = _mm256_load_si256(reinterpret_cast<const __m256i*>(line + bit * QW_BCQ_TILE));
            const __m256 sign = _mm256_castsi256_ps(_mm256_sll_epi32(signs, _mm_cvtsi32_si128(31 - k)));
            value_f32x8 = _mm256_add_ps(value_f32x8, _mm256_xor_ps(alpha_f32x8[bit], _mm256_andnot_ps(sign, sign_bit)));
          }
          _mm256_store_ps(out, value_f32x8);
        }
      }
    }
  }
}

}  // namespace

extern const qw_bcq_kernels qw_bcq_avx2 = {2, kTableFloats, build, stream, fill};
