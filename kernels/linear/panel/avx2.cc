// Microkernel, AVX2: 6 x 16. 12 accumulators + 2 panel vectors + 1 broadcast = 15 of 16 registers.
// A step: 2 panel loads and 6 broadcast loads (2 loads a cycle: 4 cycles) beside 12 FMAs (2 a cycle: 6 cycles).
#include <immintrin.h>

#include "linear/panel/panel.h"

namespace {

template <int kRows>
void multiply_rows(int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  __m256 sum_f32x8[kRows][2];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) sum_f32x8[i][0] = sum_f32x8[i][1] = _mm256_setzero_ps();
  for (int64_t k = 0; k < depth; ++k, x += kRows, panel += 16) {
    const __m256 low_f32x8 = _mm256_load_ps(panel), high_f32x8 = _mm256_load_ps(panel + 8);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const __m256 x_f32x8 = _mm256_set1_ps(x[i]);
      sum_f32x8[i][0] = _mm256_fmadd_ps(x_f32x8, low_f32x8, sum_f32x8[i][0]);
      sum_f32x8[i][1] = _mm256_fmadd_ps(x_f32x8, high_f32x8, sum_f32x8[i][1]);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
    const float* base = accumulate ? y + i * ldy : bias;
    const __m256 low_f32x8 = _mm256_add_ps(sum_f32x8[i][0], _mm256_loadu_ps(base));
    const __m256 high_f32x8 = _mm256_add_ps(sum_f32x8[i][1], _mm256_loadu_ps(base + 8));
    _mm256_storeu_ps(y + i * ldy, low_f32x8);
    _mm256_storeu_ps(y + i * ldy + 8, high_f32x8);
  }
}

using Multiply = void (*)(int64_t, const float*, const float*, const float*, int, float*, int64_t);
constexpr Multiply kByRows[7] = {nullptr,          multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                 multiply_rows<4>, multiply_rows<5>, multiply_rows<6>};

void multiply(int rows, int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  kByRows[rows](depth, x, panel, bias, accumulate, y, ldy);
}

}  // namespace

extern const qw_panel_kernel qw_panel_avx2 = {16, 6, multiply};
