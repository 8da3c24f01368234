// The passes of kernels.h for the vector width of the including file. Each reads the row once: 128 k logits are 512 KiB, which stay in L2 between passes.
#pragma once
#include <math.h>

#include "cpu/vector_f32.h"
#include "sample/kernels.h"

namespace {

#if defined(__aarch64__)
// Bit i of lane i, where the lanes of `mask` are all ones or zeros.
inline uint32_t lane_bits(uint32x4_t mask) {
  const uint32x4_t bit = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(mask, bit));
}
inline uint32_t lanes_above(f32v x, f32v threshold) { return lane_bits(vcgtq_f32(x, threshold)); }
inline uint32_t lanes_not_a_number(f32v x) { return lane_bits(vmvnq_u32(vceqq_f32(x, x))); }
#elif defined(__AVX512F__)
inline uint32_t lanes_above(f32v x, f32v threshold) { return _mm512_cmp_ps_mask(x, threshold, _CMP_GT_OQ); }
inline uint32_t lanes_not_a_number(f32v x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
#else
inline uint32_t lanes_above(f32v x, f32v threshold) { return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, threshold, _CMP_GT_OQ))); }
inline uint32_t lanes_not_a_number(f32v x) { return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q))); }
#endif

// Four independent maxima: one alone would wait for the latency of every max.
inline float row_largest_vector(const float* x, int64_t count, bool* not_a_number) {
  const f32v lowest = all(-INFINITY);
  f32v top[4] = {lowest, lowest, lowest, lowest};
  uint32_t odd = 0;
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int64_t part = 0; part < 4; ++part) {
      const f32v values = load(x + i + part * kLanes);
      odd |= lanes_not_a_number(values);
      top[part] = max(top[part], values);
    }
  }
  float best = largest(max(max(top[0], top[1]), max(top[2], top[3])));
  for (; i < count; ++i) {
    odd |= x[i] != x[i] ? 1u : 0u;
    best = x[i] > best ? x[i] : best;
  }
  *not_a_number = odd != 0;
  return best;
}

inline double row_weights_vector(float* x, int64_t count, float top, float inverse_temperature, double* sums) {
  const f32v shift = all(top), factor = all(inverse_temperature);
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += qw::kWeightBlock) {
    const int64_t end = begin + qw::kWeightBlock < count ? begin + qw::kWeightBlock : count;
    f64_sum sum;
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      const f32v weights = exp_f32(mul(sub(load(x + i), shift), factor));
      store(x + i, weights);
      sum.add(weights);
    }
    double block = sum.total();
    if (i < end) {
      store_first(x + i, exp_f32(mul(sub(load_first(x + i, end - i), shift), factor)), end - i);
      for (; i < end; ++i) block += static_cast<double>(x[i]);
    }
    sums[begin / qw::kWeightBlock] = block;
    total += block;
  }
  return total;
}

inline int64_t row_above_vector(const float* x, int64_t count, int64_t from, float threshold, int32_t* ids, int64_t room, int64_t* found) {
  const f32v limit = all(threshold);
  int64_t written = 0, i = from;
  for (; i + kLanes <= count && written + kLanes <= room; i += kLanes) {
    for (uint32_t bits = lanes_above(load(x + i), limit); bits != 0; bits &= bits - 1) {
      ids[written++] = static_cast<int32_t>(i) + __builtin_ctz(bits);
    }
  }
  if (i + kLanes > count) {
    for (; i < count && written < room; ++i) {
      if (x[i] > threshold) ids[written++] = static_cast<int32_t>(i);
    }
  }
  *found = written;
  return i;
}

}  // namespace
