// 16-bit panel, AMX: the two int8 digits of an activation are multiplied apart, 16 x 64 by 64 x 16 at a time, and joined in int32 once a
// chunk. q = 256 high + low with high, low in -128..127, so |q| <= 32639 here.
//
//   x      per chunk [digit: high, low][row][padded columns] int8
//   panel  per chunk [quad][row 0..15][4] uint8, padding unset: it meets zeros of x
//
// 16 x 32 sums of both digits take 4 tile registers. A step of 64 columns: 4 products (64 cycles) beside 4 loads (32 cycles).
#include "linear/amx.h"
#include "linear/grouped/quads_avx512.h"
#include "linear/panel16/params_avx512.h"

namespace {

constexpr int64_t kColumns = 64;
constexpr float kMost = 32639.0f;  // 127 * 256 + 127

void quantize(const float* x, int64_t count, int64_t row, int64_t height, void* chunk, float* unit, float* sum) {
  const int64_t padded = (count + kColumns - 1) / kColumns * kColumns;
  int8_t* high = static_cast<int8_t*>(chunk) + row * padded;
  int8_t* low = high + height * padded;
  __m512 values_f32x16[QW_PANEL16_CHUNK / 16];
  __m512i most_u32x16 = _mm512_setzero_si512();  // largest |x| by its bits: NaN and infinity win
  const int vectors = int(padded / 16);
  for (int v = 0; v < vectors; ++v) {
    const int64_t left = count - v * 16;
    const __mmask16 mask = left >= 16 ? __mmask16(0xffff) : left <= 0 ? __mmask16(0) : __mmask16((1u << left) - 1);
    values_f32x16[v] = _mm512_maskz_loadu_ps(mask, x + v * 16);
    most_u32x16 = _mm512_max_epu32(most_u32x16, _mm512_and_si512(_mm512_castps_si512(values_f32x16[v]), _mm512_set1_epi32(0x7fffffff)));
  }
  const uint32_t most_bits = uint32_t(_mm512_reduce_max_epu32(most_u32x16));
  float most;
  __builtin_memcpy(&most, &most_bits, 4);
  const float inverse = kMost / most;
  uint32_t inverse_bits;
  __builtin_memcpy(&inverse_bits, &inverse, 4);
  const bool finite = most_bits < 0x7f800000u, usable = finite && inverse_bits < 0x7f800000u;
  __m512i sum_i32x16 = _mm512_setzero_si512();
  for (int v = 0; v < vectors; ++v) {
    __m512i q_i32x16 = _mm512_setzero_si512();
    if (usable) q_i32x16 = _mm512_cvtps_epi32(_mm512_mul_ps(values_f32x16[v], _mm512_set1_ps(inverse)));
    sum_i32x16 = _mm512_add_epi32(sum_i32x16, q_i32x16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(low + v * 16), _mm512_cvtepi32_epi8(q_i32x16));
    const __m512i carried_i32x16 = _mm512_srai_epi32(_mm512_add_epi32(q_i32x16, _mm512_set1_epi32(128)), 8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(high + v * 16), _mm512_cvtepi32_epi8(carried_i32x16));
  }
  *unit = !finite ? __builtin_nanf("") : usable ? most / kMost : 0.0f;
  *sum = float(double(_mm512_reduce_add_epi32(sum_i32x16)) * double(*unit));
}

template <int kBits>
void fill_bytes(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  const uint8_t* codes = weight->codes + tile * weight->tile_bytes;
  __m512i* out = reinterpret_cast<__m512i*>(panel);
  for (int64_t b = begin; b < end; ++b) {
    const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, b);
#pragma GCC unroll 4
    for (int q = 0; q < Quads<kBits>::kCount; ++q) _mm512_store_si512(out++, Quads<kBits>::quad(lines, q));
  }
}

void fill(const qw_grouped* weight, int64_t tile, int64_t begin, int64_t end, int16_t* panel) {
  switch (weight->bits) {
    case 2: return fill_bytes<2>(weight, tile, begin, end, panel);
    case 3: return fill_bytes<3>(weight, tile, begin, end, panel);
    case 4: return fill_bytes<4>(weight, tile, begin, end, panel);
    case 5: return fill_bytes<5>(weight, tile, begin, end, panel);
    case 6: return fill_bytes<6>(weight, tile, begin, end, panel);
    default: return fill_bytes<8>(weight, tile, begin, end, panel);
  }
}

void multiply(const qw_panel16_step* step) {
  constexpr int64_t kTilePanel = QW_PANEL16_BYTES * QW_TILE_ROWS;
  const int height = step->height;
  // Registers 0 .. 3: sums of high and low of the first weight tile, of the second; 4, 5: x; 6, 7: weights. All take 16 rows of x: what is
  // read past the block's rows gives sums that nobody reads.
  alignas(64) int32_t sums[4][QW_PANEL16_MAX_HEIGHT * QW_TILE_ROWS];
  const uint8_t* panel = reinterpret_cast<const uint8_t*>(step->panel);
  const int8_t* x = static_cast<const int8_t*>(step->x);
  const float* params = step->params;
  for (int chunk = 0; chunk < step->chunks; ++chunk, params += QW_PANEL16_TILES * 2 * QW_TILE_ROWS) {
    const int64_t padded = (step->columns[chunk] + kColumns - 1) / kColumns * kColumns;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < padded; k += kColumns) {
      _tile_loadd(4, x + k, padded);
      _tile_loadd(5, x + height * padded + k, padded);
      _tile_loadd(6, panel + k * QW_TILE_ROWS, 64);
      _tile_dpbsud(0, 4, 6);
      _tile_dpbsud(1, 5, 6);
      if (step->tiles == 1) continue;
      _tile_loadd(7, panel + kTilePanel + k * QW_TILE_ROWS, 64);
      _tile_dpbsud(2, 4, 7);
      _tile_dpbsud(3, 5, 7);
    }
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    if (step->tiles == 2) {
      _tile_stored(2, sums[2], 64);
      _tile_stored(3, sums[3], 64);
    }
    for (int t = 0; t < step->tiles; ++t) {
      const __m512 scale_f32x16 = _mm512_load_ps(params + t * 2 * QW_TILE_ROWS);
      const __m512 zero_f32x16 = _mm512_load_ps(params + t * 2 * QW_TILE_ROWS + QW_TILE_ROWS);
      for (int i = 0; i < height; ++i) {
        float* total = step->total + i * QW_PANEL16_WIDTH + t * QW_TILE_ROWS;
        const __m512i high_i32x16 = _mm512_load_si512(sums[2 * t] + i * QW_TILE_ROWS);
        const __m512i both_i32x16 = _mm512_add_epi32(_mm512_slli_epi32(high_i32x16, 8), _mm512_load_si512(sums[2 * t + 1] + i * QW_TILE_ROWS));
        const __m512 product_f32x16 = _mm512_mul_ps(_mm512_cvtepi32_ps(both_i32x16), _mm512_set1_ps(step->units[chunk * height + i]));
        const __m512 with_f32x16 = _mm512_fmadd_ps(product_f32x16, scale_f32x16, _mm512_load_ps(total));
        _mm512_store_ps(total, _mm512_fnmadd_ps(zero_f32x16, _mm512_set1_ps(step->sums[chunk * height + i]), with_f32x16));
      }
    }
    panel += padded * QW_TILE_ROWS;
    x += 2 * height * padded;
  }
}

void begin() { configure_tiles(); }
void end() { _tile_release(); }

}  // namespace

const qw_panel16_kernel qw_panel16_amx = {2, 16, 1, 64, fill, quantize, read_params, multiply, begin, end};
