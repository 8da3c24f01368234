// Test support: random weights and activations of one shape, and the product computed naively in f64 from unpacked values.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "abi/codec.h"
#include "linear/float16.h"
#include "testing/check.h"

namespace qw_test {

struct AffineShape {
  int64_t rows, cols, group_size;
  int bits;
  bool is_signed, random_order, fractional_zero;
  qw_type scale_type;

  std::string name() const {
    char text[160];
    std::snprintf(text, sizeof text, "%lldx%lld g%lld %s%d%s%s %s", (long long)rows, (long long)cols, (long long)group_size,
                  is_signed ? "int" : "uint", bits, random_order ? " act-order" : "", fractional_zero ? " float zero" : "",
                  scale_type == QW_F32 ? "f32" : scale_type == QW_F16 ? "f16" : "bf16");
    return text;
  }
};

struct AffineCase {
  AffineShape shape;
  int64_t groups;
  std::vector<int8_t> codes;
  std::vector<float> scale, zero;
  std::vector<int32_t> g_idx;

  AffineCase(const AffineShape& wanted, Random& random) : shape(wanted), groups((wanted.cols + wanted.group_size - 1) / wanted.group_size) {
    const int low = shape.is_signed ? -(1 << (shape.bits - 1)) : 0, high = low + (1 << shape.bits) - 1;
    for (int64_t i = 0; i < shape.rows * shape.cols; ++i) codes.push_back(int8_t(random.integer(low, high)));
    for (int64_t i = 0; i < shape.rows * groups; ++i) {
      scale.push_back(qw_round_to_type(shape.scale_type, float(random.uniform(0.001, 0.01))));
      const double zero_point = shape.fractional_zero ? random.uniform(low - 2.0, high + 2.0) : double(random.integer(low, high));
      zero.push_back(qw_round_to_type(shape.scale_type, float(zero_point)));
    }
    for (int64_t k = 0; shape.random_order && k < shape.cols; ++k) g_idx.push_back(int32_t(random.integer(0, groups - 1)));
  }

  qw_affine affine() const {
    return {shape.rows,
            shape.cols,
            shape.group_size,
            {QW_CODES_BYTES, 0, shape.is_signed, codes.data()},
            {QW_F32, 0, scale.data()},
            {QW_F32, 0, zero.data()},
            g_idx.empty() ? nullptr : g_idx.data(),
            shape.scale_type};
  }

  int64_t group(int64_t col) const { return g_idx.empty() ? col / shape.group_size : g_idx[size_t(col)]; }
  float largest_weight(int64_t row, int64_t col) const { return scale[size_t(row * groups + group(col))] * float(1 << shape.bits); }

  float weight(int64_t row, int64_t col) const {
    const int8_t stored = codes[size_t(row * shape.cols + col)];
    const float code = shape.is_signed ? float(stored) : float(uint8_t(stored));
    const size_t at = size_t(row * groups + group(col));
    return (code - zero[at]) * scale[at];
  }
};

// y = x W^T + bias in f64. `bound` receives sum |w x| of every output: what rounding errors scale with.
inline std::vector<double> naive_product(const std::vector<float>& w, int64_t rows, int64_t cols, const float* x, int64_t ldx, int64_t m,
                                         const float* bias, std::vector<double>* bound) {
  std::vector<double> y(size_t(m * rows));
  bound->assign(size_t(m * rows), 0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t row = 0; row < rows; ++row) {
      double sum = bias == nullptr ? 0 : bias[row], size = std::fabs(sum);
      for (int64_t k = 0; k < cols; ++k) {
        const double product = double(w[size_t(row * cols + k)]) * double(x[i * ldx + k]);
        sum += product;
        size += std::fabs(product);
      }
      y[size_t(i * rows + row)] = sum;
      (*bound)[size_t(i * rows + row)] = size;
    }
  }
  return y;
}

// Worst |got - wanted| / bound; also checks that nothing was written outside [m, rows] of y (canaries of the caller's padding).
inline double worst_error(const float* y, int64_t ldy, int64_t rows, int64_t m, const std::vector<double>& wanted,
                          const std::vector<double>& bound) {
  double worst = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t row = 0; row < rows; ++row) {
      const double error = std::fabs(double(y[i * ldy + row]) - wanted[size_t(i * rows + row)]);
      worst = std::isfinite(y[i * ldy + row]) ? std::max(worst, error / (bound[size_t(i * rows + row)] + 1e-30)) : INFINITY;
    }
    for (int64_t pad = rows; pad < ldy; ++pad) CHECK(y[i * ldy + pad] == 12345.0f);
  }
  return worst;
}

// matmul with padded leading dimensions and exactly the scratch asked for.
struct Product {
  int64_t rows, m, ldy;
  std::vector<float> y;
  Product(const qw_weight* weight, const float* x, int64_t ldx, int64_t count, const float* bias)
      : rows(weight->rows), m(count), ldy(weight->rows + 3), y(size_t(count * (weight->rows + 3)), 12345.0f) {
    std::vector<char> scratch(weight->codec->scratch_bytes(weight, count) + 1);
    weight->codec->matmul(weight, x, ldx, count, bias, y.data(), ldy, scratch.data(), qw_pool_shared());
  }
};

}  // namespace qw_test
