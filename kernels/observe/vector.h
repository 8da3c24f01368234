// The kernels of observe.h for the vector width of the including file.
#pragma once
#include "cpu/vector_f32.h"
#include "observe/observe.h"

namespace {

inline void absmax_vector(const float* x, int64_t rows, int64_t width, int64_t columns, float* running) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) {
    f32v top = load(running + i);
    for (int64_t r = 0; r < rows; ++r) top = larger_magnitude(load(x + r * width + i), top);
    store(running + i, top);
  }
  if (i == columns) return;
  f32v top = load_first(running + i, columns - i);
  for (int64_t r = 0; r < rows; ++r) top = larger_magnitude(load_first(x + r * width + i, columns - i), top);
  store_first(running + i, top, columns - i);
}

#if defined(__aarch64__)
inline f32v smaller(f32v a, f32v b) { return vminq_f32(a, b); }
inline float smallest(f32v x) { return vminvq_f32(x); }
inline void store_floors(int32_t* out, f32v x) { vst1q_s32(out, vcvtmq_s32_f32(x)); }
#elif defined(__AVX512F__)
inline f32v smaller(f32v a, f32v b) { return _mm512_min_ps(a, b); }
inline float smallest(f32v x) { return _mm512_reduce_min_ps(x); }
inline void store_floors(int32_t* out, f32v x) { _mm512_storeu_si512(out, _mm512_cvt_roundps_epi32(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)); }
#else
inline f32v smaller(f32v a, f32v b) { return _mm256_min_ps(a, b); }
inline float smallest(f32v x) { return -largest(sub(zero(), x)); }
inline void store_floors(int32_t* out, f32v x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_cvttps_epi32(_mm256_floor_ps(x))); }
#endif

// Per vector a load, a minimum, a maximum and a multiply-add that turns to NaN with what is not finite: such rows are left to the specification.
inline void range_rows_vector(const float* x, int64_t rows, int64_t width, float* out) {
  for (int64_t r = 0; r < rows; ++r, x += width, out += 2) {
    if (width < kLanes) {
      qw::range_rows_serial(x, 1, width, out);
      continue;
    }
    f32v low = load(x), high = low, finite = zero();
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) {
      const f32v values = load(x + i);
      low = smaller(low, values);
      high = max(high, values);
      finite = fma(values, zero(), finite);
    }
    // The last vector again reaches back over what was seen already.
    const f32v last = load(x + width - kLanes);
    low = smaller(low, last);
    high = max(high, last);
    finite = fma(last, zero(), finite);
    if (sum(finite) == 0.0f) {
      out[0] = smallest(low);
      out[1] = largest(high);
    } else {
      qw::range_rows_serial(x, 1, width, out);
    }
  }
}

// The increments, one a cycle at best, are what it costs: floors are made a vector at a time beside them.
inline void count_bins_vector(const float* x, int64_t count, float scale, int64_t middle, uint32_t* counts) {
  const f32v by = all(scale);
  int32_t bins[kLanes];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store_floors(bins, mul(load(x + i), by));
    for (int64_t lane = 0; lane < kLanes; ++lane) counts[middle + bins[lane]] += 1;
  }
  qw::count_bins_serial(x + i, count - i, scale, middle, counts);
}

// R rows of the block x 2 vectors: 2 R accumulators, 2 loads and R broadcasts for 2 R multiply-adds.
template <int R>
void gram_step(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t columns, float* block, int64_t stride) {
  f32v sums[R][2];
  for (int i = 0; i < R; ++i) sums[i][0] = sums[i][1] = zero();
  for (int64_t r = 0; r < rows; ++r, a += stride_a, b += stride_b) {
    const f32v left = load(b), right = load(b + kLanes);
    for (int i = 0; i < R; ++i) {
      const f32v x = all(a[i]);
      sums[i][0] = fma(x, left, sums[i][0]);
      sums[i][1] = fma(x, right, sums[i][1]);
    }
  }
  for (int i = 0; i < R; ++i) {
    for (int v = 0; v < 2; ++v) {
      float* out = block + i * stride + v * kLanes;
      const int64_t left = columns - v * kLanes;
      if (left >= kLanes) {
        store(out, add(load(out), sums[i][v]));
      } else if (left > 0) {
        store_first(out, add(load_first(out, left), sums[i][v]), left);
      }
    }
  }
}

inline void gram_strided_vector(const float* a, int64_t stride_a, const float* b, int64_t stride_b, int64_t rows, int64_t height, int64_t columns,
                                float* block, int64_t stride) {
  constexpr int step = kRegisters == 32 ? 8 : 4;
  for (int64_t j = 0; j < columns; j += 2 * kLanes) {
    int64_t i = 0;
    for (; i + step <= height; i += step) gram_step<step>(a + i, stride_a, b + j, stride_b, rows, columns - j, block + i * stride + j, stride);
    for (; i < height; ++i) gram_step<1>(a + i, stride_a, b + j, stride_b, rows, columns - j, block + i * stride + j, stride);
  }
}

inline void gram_block_vector(const float* a, const float* b, int64_t rows, int64_t height, int64_t columns, float* block, int64_t stride) {
  gram_strided_vector(a, qw::kPanel, b, qw::kPanel, rows, height, columns, block, stride);
}

}  // namespace
