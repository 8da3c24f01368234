#include "rope/rope.h"

#include <cmath>

#include "cpu/parallel.h"
#include "cpu/pick.h"

extern "C" void qw_rope_table(const float* inverse_frequency, int64_t half, const int64_t* positions, int64_t count, float attention_scale, float* table,
                              qw_pool* pool) {
  constexpr int64_t angles_per_chunk = 256;  // a cosine and a sine take about 30 ns
  qw::parallel(pool, count, angles_per_chunk / half, [=](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* cosines = table + row * 2 * half;
      for (int64_t i = 0; i < half; ++i) {
        const float angle = float(positions[row]) * inverse_frequency[i];
        cosines[i] = float(std::cos(double(angle))) * attention_scale;
        cosines[i + half] = float(std::sin(double(angle))) * attention_scale;
      }
    }
  });
}

extern "C" void qw_rope(float* x, int64_t rows, int64_t heads, int64_t head_dim, int64_t half, const float* table, qw_pool* pool) {
  constexpr int64_t elements_per_chunk = 8192;
  qw::RopeRow* row = QW_PICK(qw::rope);
  const int64_t width = heads * head_dim;
  qw::parallel(pool, rows, elements_per_chunk / width, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) row(x + r * width, heads, head_dim, half, table + r * 2 * half, table + r * 2 * half + half);
  });
}
