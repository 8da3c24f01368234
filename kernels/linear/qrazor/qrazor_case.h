// Test support: a random QRazor weight as it is stored, and its values.
#pragma once
#include "linear/linear_case.h"
#include "linear/qrazor/weight.h"

namespace qw_test {

struct QrazorCase {
  int64_t rows, cols, group;
  int bits, base_bits;
  bool along_outputs;
  std::vector<int8_t> codes;
  std::vector<uint8_t> shifts;
  std::vector<float> scale;

  QrazorCase(int64_t r, int64_t c, int64_t g, int b, int base, bool outputs, Random& random)
      : rows(r), cols(c), group(g), bits(b), base_bits(base), along_outputs(outputs), codes(size_t(r * c)) {
    for (int8_t& code : codes) code = int8_t(random.integer(-(1 << (bits - 1)), (1 << (bits - 1)) - 1));
    shifts.resize(size_t(along_outputs ? (rows + group - 1) / group * cols : rows * (cols / group)));
    for (uint8_t& shift : shifts) shift = uint8_t(random.integer(0, base_bits - bits + 1));
    for (int64_t i = 0; i < rows; ++i) scale.push_back(float(random.uniform(0.001, 0.01)));
  }

  qw_qrazor_stored stored() const {
    return {rows, cols, group, along_outputs, base_bits, bits, {QW_CODES_BYTES, 0, 1, codes.data()}, shifts.data(), scale.data()};
  }
  int shift(int64_t row, int64_t col) const { return shifts[size_t(along_outputs ? row / group * cols + col : row * (cols / group) + col / group)]; }
  float weight(int64_t row, int64_t col) const {
    return float(int(codes[size_t(row * cols + col)]) * (1 << shift(row, col))) * scale[size_t(row)];
  }
  // What rounding errors scale with: the largest code instead of the code.
  float largest(int64_t row, int64_t col) const { return float((1 << bits) << shift(row, col)) * scale[size_t(row)]; }
  std::string name() const {
    char text[96];
    std::snprintf(text, sizeof text, "%lldx%lld %d of %d bits, %s g%lld", (long long)rows, (long long)cols, bits, base_bits,
                  along_outputs ? "outputs" : "inputs", (long long)group);
    return text;
  }
};

}  // namespace qw_test
