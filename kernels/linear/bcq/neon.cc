// bcq, NEON. Tables of 16 sums over 4 columns: the 64 bytes of four registers. Of each row's four sign bits the byte indices of its sum are made,
// and tbl looks it up, in f32.
//
// Streaming: for 4 rows and 4 columns of a plane a shift, a mask and a multiply-add, and for each row of x tbl of four registers and an add.
#include <arm_neon.h>

#include "linear/bcq/codec.h"
#include "linear/load_params.h"

namespace {

constexpr int kColumns = 4, kEntries = 16, kTables = QW_BCQ_WORD / kColumns, kTableFloats = kTables * kEntries;

struct Table {
  uint8x16x4_t bytes;
  void load(const float* table) {
    for (int i = 0; i < 4; ++i) bytes.val[i] = vreinterpretq_u8_f32(vld1q_f32(table + 4 * i));
  }
  float32x4_t look_up(uint32x4_t index) const { return vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(index))); }
};

// Byte indices of the entries that bits [shift, shift + 4) of every lane number.
inline uint32x4_t index_of(uint32x4_t signs, int shift) {
  const uint32x4_t entry = vandq_u32(vshlq_u32(signs, vdupq_n_s32(-shift)), vdupq_n_u32(15));
  return vmlaq_u32(vdupq_n_u32(0x03020100u), entry, vdupq_n_u32(0x04040404u));
}

void build(const float* x, int64_t words, float* tables) {
  static const float kFirst[4] = {-1, 1, -1, 1}, kSecond[4] = {-1, -1, 1, 1};
  const float32x4_t first_f32x4 = vld1q_f32(kFirst), second_f32x4 = vld1q_f32(kSecond);
  for (int64_t table = 0; table < words * kTables; ++table, x += kColumns, tables += kEntries) {
    const float32x4_t low_f32x4 = vfmaq_n_f32(vmulq_n_f32(first_f32x4, x[0]), second_f32x4, x[1]);
    for (int i = 0; i < 4; ++i) {
      const float high = ((i & 1) != 0 ? x[2] : -x[2]) + ((i & 2) != 0 ? x[3] : -x[3]);
      vst1q_f32(tables + 4 * i, vaddq_f32(low_f32x4, vdupq_n_f32(high)));
    }
  }
}

inline float32x4_t load_alpha(const qw_bcq_weight* weight, int64_t tile, int quarter, int64_t group, int bit) {
  const int64_t at = (tile * weight->groups + group) * qw_bcq_alphas(weight) + (weight->doubling ? 0 : bit);
  const float32x4_t alpha_f32x4 = load_params_f32x4(weight->alpha_type, weight->alpha, at * QW_BCQ_TILE + quarter * 4);
  return weight->doubling ? vmulq_n_f32(alpha_f32x4, float(1 << bit)) : alpha_f32x4;
}

inline float32x4_t load_bias(const qw_bcq_weight* weight, int64_t tile, int quarter, int64_t group) {
  return load_params_f32x4(weight->bias_type, weight->q_bias, (tile * weight->groups + group) * QW_BCQ_TILE + quarter * 4);
}

inline void store_quarter(const qw_bcq_weight* weight, int64_t row, float32x4_t sum_f32x4, const float* bias, float* y) {
  const int64_t left = weight->base.rows - row;
  if (left >= 4) {
    if (bias != nullptr) sum_f32x4 = vaddq_f32(sum_f32x4, vld1q_f32(bias + row));
    vst1q_f32(y + row, sum_f32x4);
    return;
  }
  float lanes[4];
  vst1q_f32(lanes, sum_f32x4);
  for (int64_t r = 0; r < left; ++r) y[row + r] = lanes[r] + (bias == nullptr ? 0.0f : bias[row + r]);
}

// 8 rows: two quarters of a tile.
template <int kBits, int kM>
void stream_half(const qw_bcq_weight* weight, const float* tables, int64_t stride, const float* sums, const float* bias, float* y, int64_t ldy,
                 int64_t tile, int half) {
  // The same at every m, so that a row is summed alike whatever comes with it.
  constexpr int kChains = kBits <= 2 ? 2 : 1;
  constexpr int64_t kWord = kBits * QW_BCQ_TILE;
  const uint32_t* planes = weight->planes + tile * weight->words * kWord + half * 8;
  float32x4_t total_f32x4[2][kM];
  for (int q = 0; q < 2; ++q) {
    for (int i = 0; i < kM; ++i) total_f32x4[q][i] = vdupq_n_f32(0);
  }
  for (int64_t group = 0; group < weight->groups; ++group) {
    float32x4_t sum_f32x4[2][kBits][kChains][kM];
#pragma GCC unroll 2
    for (int q = 0; q < 2; ++q) {
#pragma GCC unroll 4
      for (int bit = 0; bit < kBits; ++bit) {
#pragma GCC unroll 2
        for (int c = 0; c < kChains; ++c) {
#pragma GCC unroll 2
          for (int i = 0; i < kM; ++i) sum_f32x4[q][bit][c][i] = vdupq_n_f32(0);
        }
      }
    }
    for (int64_t word = weight->group_begin[group]; word < weight->group_begin[group + 1]; ++word) {
      const uint32_t* line = planes + word * kWord;
      const float* table = tables + word * kTableFloats;
#pragma GCC unroll 8
      for (int n = 0; n < kTables; ++n) {
        Table entries[kM];
#pragma GCC unroll 2
        for (int i = 0; i < kM; ++i) entries[i].load(table + i * stride + n * kEntries);
#pragma GCC unroll 4
        for (int bit = 0; bit < kBits; ++bit) {
#pragma GCC unroll 2
          for (int q = 0; q < 2; ++q) {
            const uint32x4_t index = index_of(vld1q_u32(line + bit * QW_BCQ_TILE + q * 4), n * kColumns);
#pragma GCC unroll 2
            for (int i = 0; i < kM; ++i) {
              float32x4_t& to = sum_f32x4[q][bit][n % kChains][i];
              to = vaddq_f32(to, entries[i].look_up(index));
            }
          }
        }
      }
    }
    for (int q = 0; q < 2; ++q) {
#pragma GCC unroll 4
      for (int bit = 0; bit < kBits; ++bit) {
        const float32x4_t alpha_f32x4 = load_alpha(weight, tile, half * 2 + q, group, bit);
#pragma GCC unroll 2
        for (int i = 0; i < kM; ++i) {
          float32x4_t all_f32x4 = sum_f32x4[q][bit][0][i];
          if (kChains > 1) all_f32x4 = vaddq_f32(all_f32x4, sum_f32x4[q][bit][kChains - 1][i]);
          total_f32x4[q][i] = vfmaq_f32(total_f32x4[q][i], alpha_f32x4, all_f32x4);
        }
      }
      if (weight->q_bias == nullptr) continue;
      const float32x4_t bias_f32x4 = load_bias(weight, tile, half * 2 + q, group);
      for (int i = 0; i < kM; ++i) total_f32x4[q][i] = vfmaq_n_f32(total_f32x4[q][i], bias_f32x4, sums[i * weight->groups + group]);
    }
  }
  for (int q = 0; q < 2; ++q) {
    for (int i = 0; i < kM; ++i) store_quarter(weight, tile * QW_BCQ_TILE + half * 8 + q * 4, total_f32x4[q][i], bias, y + i * ldy);
  }
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
  const uint32x4_t sign_bit = vdupq_n_u32(0x80000000u);
  for (int quarter = 0; quarter < 4; ++quarter) {
    float* out = panel + quarter * 4;
    int64_t word = column / QW_BCQ_WORD, group = 0;
    while (weight->group_begin[group + 1] <= word) ++group;
    for (; word < end; ++group) {
      float32x4_t alpha_f32x4[QW_BCQ_BITS];
      for (int bit = 0; bit < bits; ++bit) alpha_f32x4[bit] = load_alpha(weight, tile, quarter, group, bit);
      const float32x4_t bias_f32x4 = weight->q_bias == nullptr ? vdupq_n_f32(0) : load_bias(weight, tile, quarter, group);
      for (; word < end && word < weight->group_begin[group + 1]; ++word) {
        const uint32_t* line = weight->planes + (tile * weight->words + word) * bits * QW_BCQ_TILE + quarter * 4;
        for (int k = 0; k < QW_BCQ_WORD; ++k, out += 16) {
          float32x4_t value_f32x4 = bias_f32x4;
          for (int bit = 0; bit < bits; ++bit) {
            const uint32x4_t sign = vshlq_u32(vld1q_u32(line + bit * QW_BCQ_TILE), vdupq_n_s32(31 - k));
            const uint32x4_t term = veorq_u32(vreinterpretq_u32_f32(alpha_f32x4[bit]), vbicq_u32(sign_bit, sign));
            value_f32x4 = vaddq_f32(value_f32x4, vreinterpretq_f32_u32(term));
          }
          vst1q_f32(out, value_f32x4);
        }
      }
    }
  }
}

}  // namespace

extern const qw_bcq_kernels qw_bcq_neon = {2, kTableFloats, build, stream, fill};
