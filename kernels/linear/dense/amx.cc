#include <algorithm>
#include <cstring>

#include "linear/amx.h"
#include "linear/dense/tiles.h"

namespace {

constexpr int64_t kSliceRows = 224;  // rows of x at a time: bounds the scratch and a task's part of y
constexpr int64_t kStep = 32;        // columns of a product
constexpr int64_t kPanelSteps = 16;
constexpr int64_t kWidth = 32;       // weight rows of a task
constexpr int64_t kTile = 16 * kStep;  // elements of a register

struct Slice {
  const qw_dense_weight* weight;
  const float* x;
  int64_t ldx, rows, steps;
  uint16_t* high;  // [rows, padded to 32][steps * kStep]
  uint16_t* low;
  const float* bias;
  float* y;
  int64_t ldy;
};

// Rounds to nearest even, as bf16 bits in the low halves; NaN stays NaN, and infinity infinity.
__m512i round_bf16(__m512 value_f32x16) {
  const __m512i bits = _mm512_castps_si512(value_f32x16);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(value_f32x16, value_f32x16, _CMP_UNORD_Q);
  return _mm512_mask_mov_epi32(rounded, nan, _mm512_set1_epi32(0x7fc0));
}

void split_rows(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t cols = slice.weight->base.cols, depth = slice.steps * kStep;
  for (int64_t row = begin; row < end; ++row) {
    uint16_t* high = slice.high + row * depth;
    uint16_t* low = slice.low + row * depth;
    if (row >= slice.rows) {
      std::memset(high, 0, size_t(depth) * 2);
      std::memset(low, 0, size_t(depth) * 2);
      continue;
    }
    const float* x = slice.x + row * slice.ldx;
    for (int64_t k = 0; k < depth; k += 16) {
      const __mmask16 mask = cols - k >= 16 ? __mmask16(0xffff) : cols <= k ? __mmask16(0) : __mmask16((1u << (cols - k)) - 1);
      const __m512 value_f32x16 = _mm512_maskz_loadu_ps(mask, x + k);
      const __m512i high_bits = round_bf16(value_f32x16);
      const __m512 high_f32x16 = _mm512_castsi512_ps(_mm512_slli_epi32(high_bits, 16));
      const __m512 rest_f32x16 = _mm512_sub_ps(value_f32x16, high_f32x16);
      // Nothing beside an infinity: infinity - infinity would make it NaN.
      const __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(high_f32x16), _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(high + k), _mm512_cvtepi32_epi16(high_bits));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(low + k), _mm512_cvtepi32_epi16(round_bf16(_mm512_maskz_mov_ps(finite, rest_f32x16))));
    }
  }
}

// 16 weight rows x 32 columns as [pair][row]: a transpose of 16 x 16 words. Rows and columns past the end are zeros.
void fill_tile(const qw_dense_weight* weight, int64_t row, int64_t column, uint16_t* out) {
  const int64_t cols = weight->base.cols, left = cols - column;
  const __mmask32 mask = left >= kStep ? __mmask32(0xffffffff) : __mmask32((1u << left) - 1);
  const uint16_t* data = static_cast<const uint16_t*>(weight->data);
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) {
    a[i] = row + i < weight->base.rows ? _mm512_maskz_loadu_epi16(mask, data + (row + i) * cols + column) : _mm512_setzero_si512();
  }
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {  // a[i + c]: column c of each quad, rows i .. i + 3
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  for (int c = 0; c < 4; ++c) {  // column c of quads 0 .. 3 for rows 0..3, 4..7, 8..11, 12..15: a 4 x 4 transpose of 128-bit lanes
    const __m512i low01 = _mm512_shuffle_i32x4(a[c], a[4 + c], 0x44), high01 = _mm512_shuffle_i32x4(a[c], a[4 + c], 0xee);
    const __m512i low23 = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0x44), high23 = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0xee);
    _mm512_store_si512(out + (0 + c) * 32, _mm512_shuffle_i32x4(low01, low23, 0x88));
    _mm512_store_si512(out + (4 + c) * 32, _mm512_shuffle_i32x4(low01, low23, 0xdd));
    _mm512_store_si512(out + (8 + c) * 32, _mm512_shuffle_i32x4(high01, high23, 0x88));
    _mm512_store_si512(out + (12 + c) * 32, _mm512_shuffle_i32x4(high01, high23, 0xdd));
  }
}

// total [32 rows of x][kWidth] += x rows times `steps` steps of the panel.
void multiply_panel(const uint16_t* high, const uint16_t* low, int64_t depth, const uint16_t* panel, int64_t steps, float* total) {
  const int64_t stride = depth * 2, second_rows = 16 * depth;
  constexpr int64_t kTotal = kWidth * sizeof(float);
  _tile_loadd(0, total, kTotal);
  _tile_loadd(1, total + 16, kTotal);
  _tile_loadd(2, total + 16 * kWidth, kTotal);
  _tile_loadd(3, total + 16 * kWidth + 16, kTotal);
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t k = step * kStep;
    _tile_loadd(6, panel + step * 2 * kTile, 64);
    _tile_loadd(7, panel + (step * 2 + 1) * kTile, 64);
    _tile_loadd(4, high + k, stride);
    _tile_loadd(5, high + second_rows + k, stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    _tile_loadd(4, low + k, stride);
    _tile_loadd(5, low + second_rows + k, stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, total, kTotal);
  _tile_stored(1, total + 16, kTotal);
  _tile_stored(2, total + 16 * kWidth, kTotal);
  _tile_stored(3, total + 16 * kWidth + 16, kTotal);
}

void multiply_rows(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  const int64_t depth = slice.steps * kStep;
  alignas(64) uint16_t panel[kPanelSteps * 2 * kTile];
  alignas(64) float total[kSliceRows * kWidth];
  configure_tiles();
  for (int64_t task = begin; task < end; ++task) {
    const int64_t row = task * kWidth, valid = std::min(kWidth, slice.weight->base.rows - row);
    float bias[kWidth] = {};
    if (slice.bias != nullptr) std::memcpy(bias, slice.bias + row, size_t(valid) * sizeof(float));
    for (int64_t i = 0; i < slice.rows; ++i) std::memcpy(total + i * kWidth, bias, sizeof bias);
    for (int64_t i = slice.rows; i < (slice.rows + 31) / 32 * 32; ++i) std::memset(total + i * kWidth, 0, sizeof bias);
    for (int64_t first = 0; first < slice.steps; first += kPanelSteps) {
      const int64_t steps = std::min(kPanelSteps, slice.steps - first);
      for (int64_t step = 0; step < steps; ++step) {
        fill_tile(slice.weight, row, (first + step) * kStep, panel + step * 2 * kTile);
        fill_tile(slice.weight, row + 16, (first + step) * kStep, panel + (step * 2 + 1) * kTile);
      }
      for (int64_t i = 0; i < slice.rows; i += 32) {
        const int64_t at = i * depth + first * kStep;
        multiply_panel(slice.high + at, slice.low + at, depth, panel, steps, total + i * kWidth);
      }
    }
    for (int64_t i = 0; i < slice.rows; ++i) {
      std::memcpy(slice.y + i * slice.ldy + row, total + i * kWidth, size_t(valid) * sizeof(float));
    }
  }
  _tile_release();
}

int64_t padded_rows(int64_t m) { return (std::min(m, kSliceRows) + 31) / 32 * 32; }

}  // namespace

size_t qw_dense_tiles_scratch_bytes(int64_t cols, int64_t m) {
  return size_t(padded_rows(m) * ((cols + kStep - 1) / kStep * kStep)) * 2 * sizeof(uint16_t) + 64;
}

void qw_dense_tiles_matmul(const qw_dense_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy,
                           void* scratch, qw_pool* pool) {
  for (int64_t first = 0; first < m; first += kSliceRows) {
    Slice slice{};
    slice.weight = weight;
    slice.x = x + first * ldx;
    slice.ldx = ldx;
    slice.rows = std::min(kSliceRows, m - first);
    slice.steps = (weight->base.cols + kStep - 1) / kStep;
    slice.bias = bias;
    slice.y = y + first * ldy;
    slice.ldy = ldy;
    const int64_t depth = slice.steps * kStep;
    slice.high = reinterpret_cast<uint16_t*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
    slice.low = slice.high + padded_rows(slice.rows) * depth;
    qw_parallel_for(pool, padded_rows(slice.rows), std::max<int64_t>(1, (1 << 15) / depth), split_rows, &slice);
    qw_parallel_for(pool, (weight->base.rows + kWidth - 1) / kWidth, 1, multiply_rows, &slice);
  }
}
