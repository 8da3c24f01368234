// Test support: a random SpQR weight as it is stored, and its values.
#pragma once
#include "linear/linear_case.h"
#include "linear/spqr/weight.h"

namespace qw_test {

struct SpqrCase {
  int64_t rows, cols, group_size, groups, tiles;
  int bits, scale_bits, zero_bits;
  bool words;
  std::vector<uint8_t> codes, bytes;  // bytes: the codes as they are given
  std::vector<int32_t> g_idx;
  std::vector<uint16_t> second, levels, counts, values;
  std::vector<int32_t> columns;
  std::vector<uint16_t> narrow_columns;

  SpqrCase(int64_t r, int64_t c, int64_t g, int b, int s, int z, bool order, bool in_words, double rate, Random& random)
      : rows(r), cols(c), group_size(g), groups((c + g - 1) / g), tiles((r + 15) / 16), bits(b), scale_bits(s), zero_bits(z), words(in_words) {
    for (int64_t i = 0; i < rows * cols; ++i) codes.push_back(uint8_t(random.integer(0, (1 << bits) - 1)));
    pack_codes();
    for (int64_t k = 0; order && k < cols; ++k) g_idx.push_back(int32_t(k % groups));
    for (int64_t k = cols - 1; order && k > 0; --k) std::swap(g_idx[size_t(k)], g_idx[size_t(random.integer(0, k))]);
    for (int64_t at = 0; at < tiles * groups; ++at) {
      second.push_back(qw_f32_to_f16(float(random.uniform(1e-4, 1e-3))));
      second.push_back(qw_f32_to_f16(float(random.uniform(-20, -1))));
      second.push_back(qw_f32_to_f16(float(random.uniform(0.1, 0.3))));
      second.push_back(qw_f32_to_f16(float(random.uniform(-10, 5))));
    }
    for (int64_t at = 0; at < tiles * groups * (s + z); ++at) levels.push_back(uint16_t(random.integer(0, 65535)));
    for (int64_t row = 0; row < rows; ++row) {
      counts.push_back(0);
      for (int64_t column = 0; column < cols; ++column) {
        if (random.uniform(0, 1) >= (row % 5 == 3 ? 0 : row % 7 == 4 ? 10 * rate : rate)) continue;
        ++counts.back();
        columns.push_back(int32_t(column));
        narrow_columns.push_back(uint16_t(column));
        values.push_back(qw_f32_to_f16(float(random.uniform(-0.5, 0.5))));
      }
    }
  }

  void pack_codes() {
    if (!words) {
      bytes = codes;
      return;
    }
    const int64_t row_bytes = (cols * bits + 31) / 32 * 4;
    bytes.assign(size_t(rows * row_bytes), 0);
    for (int64_t i = 0; i < rows * cols * bits; ++i) {
      const int64_t row = i / (cols * bits), bit = i % (cols * bits);
      if (codes[size_t(row * cols + bit / bits)] >> (bit % bits) & 1) bytes[size_t(row * row_bytes + bit / 8)] |= uint8_t(1 << (bit % 8));
    }
  }

  qw_spqr stored() const {
    const bool wide = cols > 65536;
    return {rows,
            cols,
            group_size,
            bits,
            scale_bits,
            zero_bits,
            {words ? QW_CODES_ROWS : QW_CODES_BYTES, bits, 0, bytes.data()},
            g_idx.empty() ? nullptr : g_idx.data(),
            reinterpret_cast<const uint8_t*>(second.data()),
            reinterpret_cast<const uint8_t*>(levels.data()),
            int64_t(values.size()),
            reinterpret_cast<const uint8_t*>(counts.data()),
            wide ? reinterpret_cast<const uint8_t*>(columns.data()) : reinterpret_cast<const uint8_t*>(narrow_columns.data()),
            reinterpret_cast<const uint8_t*>(values.data())};
  }

  float level(int64_t row, int64_t group, int first, int count) const {
    int value = 0;
    for (int b = 0; b < count; ++b) {
      value |= (levels[size_t((row / 16 * groups + group) * (scale_bits + zero_bits) + first + b)] >> (row % 16) & 1) << b;
    }
    return float(value);
  }

  // Weights [rows, cols], and what rounding errors of a product scale with.
  std::vector<float> weights(std::vector<float>* sizes) const {
    std::vector<float> out;
    sizes->clear();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < cols; ++column) {
        const int64_t group = g_idx.empty() ? column / group_size : g_idx[size_t(column)];
        const uint16_t* halves = &second[size_t((row / 16 * groups + group) * 4)];
        const float scale = qw_f16_to_f32(halves[0]) * (level(row, group, 0, scale_bits) - qw_f16_to_f32(halves[1]));
        const float zero = qw_f16_to_f32(halves[2]) * (level(row, group, scale_bits, zero_bits) - qw_f16_to_f32(halves[3]));
        out.push_back((float(codes[size_t(row * cols + column)]) - zero) * scale);
        sizes->push_back((float(1 << bits) + std::fabs(zero)) * std::fabs(scale));
      }
    }
    size_t at = 0;
    for (int64_t row = 0; row < rows; ++row) {
      for (int i = 0; i < counts[size_t(row)]; ++i, ++at) out[size_t(row * cols + columns[at])] += qw_f16_to_f32(values[at]);
    }
    return out;
  }
};

}  // namespace qw_test
