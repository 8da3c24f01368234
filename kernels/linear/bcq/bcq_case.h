// Test support: a random BCQ weight of one shape, as it is stored, and its weights computed here.
#pragma once
#include "linear/bcq/weight.h"
#include "linear/linear_case.h"

namespace qw_test {

struct BcqShape {
  int64_t rows, cols, group_size;
  int bits;
  bool doubling, with_bias, random_order;
  qw_type alpha_type, bias_type;
};

struct BcqCase {
  BcqShape shape;
  int64_t groups;
  std::vector<char> planes, alpha, q_bias;  // one byte off: mapped tensors need not be aligned
  std::vector<int32_t> g_idx;

  BcqCase(const BcqShape& wanted, Random& random) : shape(wanted), groups((wanted.cols + wanted.group_size - 1) / wanted.group_size) {
    const int64_t words = (shape.cols + 31) / 32 * shape.bits * shape.rows;
    planes.resize(size_t(words * 4 + 1));
    for (char& byte : planes) byte = char(random.integer(0, 255));
    alpha.resize(size_t(groups * shape.bits * shape.rows * qw_type_bytes(shape.alpha_type) + 1));
    q_bias.resize(size_t(groups * shape.rows * qw_type_bytes(shape.bias_type) + 1));
    for (int64_t group = 0; group < groups; ++group) {
      for (int64_t row = 0; row < shape.rows; ++row) {
        float value = 0;
        for (int bit = 0; bit < shape.bits; ++bit) {
          value = bit > 0 && shape.doubling ? 2 * value : qw_round_to_type(shape.alpha_type, float(random.uniform(0.001, 0.05)));
          qw_write_typed(shape.alpha_type, alpha.data() + 1, (group * shape.bits + bit) * shape.rows + row, value);
        }
        qw_write_typed(shape.bias_type, q_bias.data() + 1, group * shape.rows + row, float(random.uniform(-0.05, 0.05)));
      }
    }
    for (int64_t k = 0; shape.random_order && k < shape.cols; ++k) g_idx.push_back(int32_t(random.integer(0, groups - 1)));
  }

  qw_bcq_stored stored() const {
    return {shape.rows, shape.cols, shape.group_size, shape.bits, planes.data() + 1, shape.alpha_type, alpha.data() + 1,
            shape.bias_type, shape.with_bias ? q_bias.data() + 1 : nullptr, g_idx.empty() ? nullptr : g_idx.data()};
  }

  int64_t group(int64_t k) const { return g_idx.empty() ? k / shape.group_size : g_idx[size_t(k)]; }
  float scale(int64_t row, int64_t at, int bit) const {
    return qw_read_typed(shape.alpha_type, alpha.data() + 1, (at * shape.bits + bit) * shape.rows + row);
  }
  float offset(int64_t row, int64_t at) const { return shape.with_bias ? qw_read_typed(shape.bias_type, q_bias.data() + 1, at * shape.rows + row) : 0; }

  float weight(int64_t row, int64_t k) const {
    float value = offset(row, group(k));
    for (int bit = 0; bit < shape.bits; ++bit) {
      const int64_t word = (k / 32 * shape.bits + bit) * shape.rows + row;
      const bool positive = (uint8_t(planes[size_t(1 + word * 4 + k % 32 / 8)]) >> (k % 8) & 1) != 0;
      value += positive ? scale(row, group(k), bit) : -scale(row, group(k), bit);
    }
    return value;
  }

  // What rounding errors scale with: signs may cancel in a weight, never in its terms.
  float largest_weight(int64_t row, int64_t k) const {
    float value = std::fabs(offset(row, group(k)));
    for (int bit = 0; bit < shape.bits; ++bit) value += scale(row, group(k), bit);
    return value;
  }
};

}  // namespace qw_test
