// Microkernel, NEON: 6 x 16. 24 accumulators + 4 panel vectors + 1 broadcast = 29 of 32 registers.
// A step: 4 panel loads and 6 broadcasts beside 24 FMAs (2 a cycle on most cores: 12 cycles).
#include <arm_neon.h>

#include "linear/panel/panel.h"

namespace {

template <int kRows>
void multiply_rows(int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  float32x4_t sum_f32x4[kRows][4];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) sum_f32x4[i][v] = vdupq_n_f32(0);
  }
  for (int64_t k = 0; k < depth; ++k, x += kRows, panel += 16) {
    const float32x4_t panel_f32x4[4] = {vld1q_f32(panel), vld1q_f32(panel + 4), vld1q_f32(panel + 8), vld1q_f32(panel + 12)};
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const float32x4_t x_f32x4 = vdupq_n_f32(x[i]);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) sum_f32x4[i][v] = vfmaq_f32(sum_f32x4[i][v], panel_f32x4[v], x_f32x4);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
    const float* base = accumulate ? y + i * ldy : bias;
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) vst1q_f32(y + i * ldy + v * 4, vaddq_f32(sum_f32x4[i][v], vld1q_f32(base + v * 4)));
  }
}

using Multiply = void (*)(int64_t, const float*, const float*, const float*, int, float*, int64_t);
constexpr Multiply kByRows[7] = {nullptr,          multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                 multiply_rows<4>, multiply_rows<5>, multiply_rows<6>};

void multiply(int rows, int64_t depth, const float* x, const float* panel, const float* bias, int accumulate, float* y, int64_t ldy) {
  kByRows[rows](depth, x, panel, bias, accumulate, y, ldy);
}

}  // namespace

extern const qw_panel_kernel qw_panel_neon = {16, 6, multiply};
