// line.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"
#include "solve/gptq/factor.h"
#include "solve/gptq/line.h"

namespace {

inline f32v smaller(f32v a, f32v b) {
#if defined(__aarch64__)
  return vminq_f32(a, b);
#elif defined(__AVX512F__)
  return _mm512_min_ps(a, b);
#else
  return _mm256_min_ps(a, b);
#endif
}

inline void gptq_block_vector(const qw_gptq_block& block) {
  constexpr int64_t kVectors = qw::kGptqPanel / kLanes;
  const f32v top = all(block.top);
  for (int64_t i = 0; i < block.count; ++i) {
    const float* upper = block.upper + i * qw::kGptqPanel;
    const int64_t next_panel = block.count * qw::kGptqPanel;
    const f32v pivot = all(upper[i / qw::kGptqPanel * next_panel + i % qw::kGptqPanel]);
    f32v error[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      const int64_t at = i * qw::kGptqPanel + v * kLanes;
      const f32v w = load(block.w + at), scale = load(block.scale[i] + v * kLanes), offset = load(block.zero[i] + v * kLanes);
      const f32v code = smaller(max(add(round_even(div(w, scale)), offset), zero()), top);
      error[v] = div(sub(w, mul(scale, sub(code, offset))), pivot);
      store(block.codes + at, code);
      store(block.minus_error + at, sub(zero(), error[v]));
      store(block.loss + v * kLanes, add(load(block.loss + v * kLanes), mul(error[v], error[v])));
    }
    for (int64_t j = i + 1; j < block.count; ++j) {
      const f32v by = all(upper[j / qw::kGptqPanel * next_panel + j % qw::kGptqPanel]);
      float* w = block.w + j * qw::kGptqPanel;
      for (int64_t v = 0; v < kVectors; ++v) store(w + v * kLanes, sub(load(w + v * kLanes), mul(error[v], by)));
    }
  }
}

}  // namespace
