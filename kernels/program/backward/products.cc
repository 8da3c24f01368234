#include "program/backward/products.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/parallel.h"
#include "linear/panel/panel.h"

namespace {

struct Right {
  const float* b;
  int64_t n;
};

// "Weight rows" of the panel are columns of b: a panel is filled with whole lines of b.
template <int kWidth>
void fill(const void* weight, int64_t row, int64_t column, int64_t count, float* panel) {
  const Right& right = *static_cast<const Right*>(weight);
  const int64_t valid = std::min<int64_t>(kWidth, right.n - row);
  const float* b = right.b + column * right.n + row;
  if (valid == kWidth) {
    for (int64_t c = 0; c < count; ++c) std::memcpy(panel + c * kWidth, b + c * right.n, kWidth * sizeof(float));
    return;
  }
  for (int64_t c = 0; c < count; ++c) {
    std::memcpy(panel + c * kWidth, b + c * right.n, size_t(valid) * sizeof(float));
    std::memset(panel + c * kWidth + valid, 0, size_t(kWidth - valid) * sizeof(float));
  }
}

void product_serial(const float* a, int64_t m, int64_t k, const float* b, int64_t n, float* c, qw_pool* pool) {
  qw::parallel(pool, m, 1, [=](int64_t begin, int64_t end, int) {
    std::vector<double> sums(static_cast<size_t>(n));
    for (int64_t i = begin; i < end; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int64_t l = 0; l < k; ++l) {
        for (int64_t j = 0; j < n; ++j) sums[size_t(j)] += double(a[i * k + l]) * double(b[l * n + j]);
      }
      for (int64_t j = 0; j < n; ++j) c[i * n + j] = float(sums[size_t(j)]);
    }
  });
}

}  // namespace

int64_t qw::product_scratch(int64_t m, int64_t k) { return int64_t(qw_panel_scratch_bytes(k, m) / sizeof(float)); }

void qw::product(const float* a, int64_t m, int64_t k, const float* b, int64_t n, float* c, float* scratch, qw_pool* pool) {
  const qw_panel_kernel* kernel = qw_panel_kernel_in_force();
  if (kernel == nullptr) return product_serial(a, m, k, b, n, c, pool);
  const Right right{b, n};
  const qw_panel_fill by_width = kernel->width == 32 ? fill<32> : kernel->width == 16 ? fill<16> : fill<8>;
  const qw_panel_job job = {kernel, by_width, &right, n, k, nullptr, a, k, m, nullptr, c, n, scratch};
  qw_panel_matmul(&job, pool);
}

void qw::transpose(const float* x, int64_t rows, int64_t cols, float* out, qw_pool* pool) {
  constexpr int64_t kTile = 32;
  qw::parallel(pool, (cols + kTile - 1) / kTile, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
      for (int64_t c = begin * kTile; c < std::min(cols, end * kTile); ++c) {
        for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r) out[c * rows + r] = x[r * cols + c];
      }
    }
  });
}
