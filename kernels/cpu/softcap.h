// number * tanh(x / number) for one vector. Included only by neon.cc, avx2.cc and avx512.cc files.
#pragma once
#include "cpu/vector_f32.h"

namespace {

inline f32v softcap(f32v x, float number) {
  // tanh y = 1 - 2 / (1 + e^2y) loses digits near 0; there y - y^3 / 3 + 2 y^5 / 15 is exact to f32.
  const f32v y = mul(x, all(1.0f / number));
  const f32v e = exp_f32(add(y, y));
  const f32v far = sub(all(1.0f), div(all(2.0f), add(all(1.0f), e)));
  const f32v square = mul(y, y);
  f32v p = fma(square, all(-17.0f / 315.0f), all(2.0f / 15.0f));
  p = fma(p, square, all(-1.0f / 3.0f));
  p = fma(p, square, all(1.0f));
  return mul(choose_smaller(y, 0.25f, mul(y, p), far), all(number));
}

}  // namespace
