// Microkernel, AVX-512: 14 x 32. 28 accumulators + 2 panel vectors + 1 broadcast = 31 of 32 registers.
// A step: 2 panel loads and 14 broadcast loads (2 loads a cycle: 8 cycles) beside 28 FMAs (2 a cycle: 14 cycles).
#include <immintrin.h>

#include "linear/panel/panel.h"

namespace {

template <int kRows>
void multiply_rows(int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  __m512 sum_f32x16[kRows][2];
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) sum_f32x16[i][0] = sum_f32x16[i][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; ++k, x += kRows, panel += 32) {
    const __m512 low_f32x16 = _mm512_load_ps(panel), high_f32x16 = _mm512_load_ps(panel + 16);
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
      const __m512 x_f32x16 = _mm512_set1_ps(x[i]);
      sum_f32x16[i][0] = _mm512_fmadd_ps(x_f32x16, low_f32x16, sum_f32x16[i][0]);
      sum_f32x16[i][1] = _mm512_fmadd_ps(x_f32x16, high_f32x16, sum_f32x16[i][1]);
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
    const float* base = accumulate ? y + i * ldy : bias;
    const __m512 low_f32x16 = _mm512_add_ps(sum_f32x16[i][0], _mm512_loadu_ps(base));
    const __m512 high_f32x16 = _mm512_add_ps(sum_f32x16[i][1], _mm512_loadu_ps(base + 16));
    _mm512_storeu_ps(y + i * ldy, low_f32x16);
    _mm512_storeu_ps(y + i * ldy + 16, high_f32x16);
  }
}

using Multiply = void (*)(int64_t, const float*, const float*, const float*, int, float*, int64_t);
constexpr Multiply kByRows[15] = {nullptr,           multiply_rows<1>,  multiply_rows<2>,  multiply_rows<3>,  multiply_rows<4>,
                                  multiply_rows<5>,  multiply_rows<6>,  multiply_rows<7>,  multiply_rows<8>,  multiply_rows<9>,
                                  multiply_rows<10>, multiply_rows<11>, multiply_rows<12>, multiply_rows<13>, multiply_rows<14>};

void multiply(int rows, int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  kByRows[rows](depth, x, panel, bias, accumulate, y, ldy);
}

}  // namespace

extern const qw_panel_kernel qw_panel_avx512 = {32, 14, multiply};
