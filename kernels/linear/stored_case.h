// Test support: the same weight given in every stored form must pack to the same weight.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "linear/linear_case.h"
#include "pack/pack.h"

namespace qw_test {

// Typed parameters one byte off, [rows, groups] or [groups, rows].
inline std::vector<char> stored_params(const std::vector<float>& values, int64_t rows, int64_t groups, qw_type type, bool by_group) {
  std::vector<char> bytes(1 + values.size() * size_t(qw_type_bytes(type)));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t group = 0; group < groups; ++group) {
      qw_write_typed(type, bytes.data() + 1, by_group ? group * rows + row : row * groups + group, values[size_t(row * groups + group)]);
    }
  }
  return bytes;
}

inline std::vector<float> dequantized(const char* codec, const qw_affine& affine) {
  qw_weight* weight = nullptr;
  std::vector<float> out(size_t(affine.rows * affine.cols), NAN);
  CHECK_OK(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight));
  if (weight == nullptr) return out;
  weight->codec->dequantize(weight, 0, affine.rows, out.data());
  qw_weight_free(weight);
  return out;
}

// 32 / bits codes a word, the first in the lowest bits. What no code fills is set, so that reading it would show.
inline std::vector<uint32_t> field_words(const std::vector<uint8_t>& codes, int64_t rows, int64_t cols, int bits) {
  const int64_t fields = 32 / bits, total = qw_field_words(cols, bits);
  std::vector<uint32_t> words(size_t(rows * total), ~0u);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < cols; ++c) {
      const int at = int(c % fields) * bits;
      uint32_t& word = words[size_t(row * total + c / fields)];
      word = (word & ~(((1u << bits) - 1) << at)) | uint32_t(codes[size_t(row * cols + c)]) << at;
    }
  }
  return words;
}

// `bits`: of the stored fields, at most the codec's.
inline void check_stored(const char* codec, int bits, const AffineShape& given, Random& random) {
  AffineShape shape = given;
  shape.bits = bits;
  const AffineCase test(shape, random);
  std::vector<uint8_t> fields;
  for (const int8_t code : test.codes) fields.push_back(uint8_t(code + (shape.is_signed ? 1 << (bits - 1) : 0)));
  std::vector<uint32_t> words(size_t(shape.rows * qw_field_words(shape.cols, bits)));  // no other packing has more
  std::vector<char> moved(words.size() * 4 + 1);
  for (const qw_code_layout layout : {QW_CODES_BYTES, QW_CODES_GPTQ, QW_CODES_ROWS, QW_CODES_FIELDS}) {
    if (layout == QW_CODES_GPTQ) CHECK_OK(qw_pack_gptq(fields.data(), shape.rows, shape.cols, bits, qw_pool_shared(), words.data()));
    if (layout == QW_CODES_ROWS) CHECK_OK(qw_pack_rows(fields.data(), shape.rows, shape.cols, bits, qw_pool_shared(), words.data()));
    if (layout == QW_CODES_FIELDS) words = field_words(fields, shape.rows, shape.cols, bits);
    std::memcpy(moved.data() + 1, words.data(), words.size() * 4);
    for (const bool by_group : {false, true}) {
      qw_affine affine = test.affine();
      if (layout != QW_CODES_BYTES) affine.codes = {layout, bits, shape.is_signed, moved.data() + 1};
      const qw_type zero_type = by_group ? shape.scale_type : QW_F32;
      const std::vector<char> scale = stored_params(test.scale, shape.rows, test.groups, shape.scale_type, by_group);
      const std::vector<char> zero = stored_params(test.zero, shape.rows, test.groups, zero_type, by_group);
      affine.scale = {shape.scale_type, by_group, scale.data() + 1};
      affine.zero = {zero_type, by_group, zero.data() + 1};
      const std::vector<float> got = dequantized(codec, affine);
      int64_t wrong = 0;
      for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != test.weight(int64_t(i) / shape.cols, int64_t(i) % shape.cols);
      CHECK(wrong == 0);
    }
  }
}

// AutoAWQ's words, packed plainly: field i of word (column, row / 8) is row order[i] of the eight.
inline void check_awq(const char* codec, Random& random) {
  static const int order[8] = {0, 2, 4, 6, 1, 3, 5, 7};
  for (const int64_t rows : {8, 64, 136}) {
    const AffineCase test({rows, 96, 32, 4, false, false, false, QW_F16}, random);
    std::vector<uint32_t> words(size_t(96 * rows / 8));
    for (int64_t c = 0; c < 96; ++c) {
      for (int64_t r = 0; r < rows; r += 8) {
        for (int i = 0; i < 8; ++i) words[size_t(c * rows / 8 + r / 8)] |= uint32_t(uint8_t(test.codes[size_t((r + order[i]) * 96 + c)])) << (4 * i);
      }
    }
    qw_affine affine = test.affine();
    affine.codes = {QW_CODES_AWQ, 4, false, words.data()};
    const std::vector<float> got = dequantized(codec, affine);
    int64_t wrong = 0;
    for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != test.weight(int64_t(i) / 96, int64_t(i) % 96);
    CHECK(wrong == 0);
    affine.rows = rows - 1;
    qw_weight* weight = nullptr;
    CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_UNSUPPORTED, "AWQ words hold 4 bits of 8 rows");
  }
}

// HQQ's planes, packed plainly: line n of `fields` parts goes into field n / lines_a_plane, counted from the highest.
inline void check_planes(const char* codec, int bits, Random& random) {
  const int fields = bits == 3 ? 10 : 8 / bits;
  for (const auto& s : {std::array<int64_t, 3>{16, 96, 32}, {70, 64, 64}, {8, 40, 8}, {136, 160, 16}}) {
    const AffineCase test({s[0], s[1], s[2], bits, false, false, true, QW_F16}, random);
    const int64_t lines = s[0] * s[1] / s[2], in_plane = (lines + fields - 1) / fields;
    if (bits != 3 && lines % fields != 0) continue;
    std::vector<uint32_t> words(size_t(in_plane * s[2]));
    for (int64_t line = 0; line < lines; ++line) {
      for (int64_t k = 0; k < s[2]; ++k) {
        words[size_t(line % in_plane * s[2] + k)] |= uint32_t(uint8_t(test.codes[size_t(line * s[2] + k)])) << ((fields - 1 - line / in_plane) * bits);
      }
    }
    const size_t word_bytes = bits == 3 ? 4 : 1;
    std::vector<char> stored(words.size() * word_bytes + 1);  // one byte off
    for (size_t i = 0; i < words.size(); ++i) std::memcpy(stored.data() + 1 + i * word_bytes, &words[i], word_bytes);
    qw_affine affine = test.affine();
    affine.codes = {QW_CODES_PLANES, bits, false, stored.data() + 1};
    const std::vector<float> got = dequantized(codec, affine);
    int64_t wrong = 0;
    for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != test.weight(int64_t(i) / s[1], int64_t(i) % s[1]);
    CHECK(wrong == 0);
    affine.group_size = s[2] - 1;
    qw_weight* weight = nullptr;
    CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_UNSUPPORTED, "groups that divide the columns");
  }
}

// What cannot be kept is refused with its place, in stored forms too.
inline void check_stored_refusals(const char* codec, int most_bits, Random& random) {
  const AffineCase test({20, 32, 32, std::min(4, most_bits), false, false, false, QW_F16}, random);
  const std::vector<char> zero = stored_params(test.zero, 20, 1, QW_F16, true);
  std::vector<char> scale = stored_params(test.scale, 20, 1, QW_F16, true);
  qw_write_typed(QW_F16, scale.data() + 1, 17, INFINITY);
  qw_affine affine = test.affine();
  affine.scale = {QW_F16, 1, scale.data() + 1};
  affine.zero = {QW_F16, 1, zero.data() + 1};
  qw_weight* weight = nullptr;
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "row 17, group 0 is not exact in f16");
  affine.codes.layout = QW_CODES_ROWS;
  affine.codes.bits = 9;
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_UNSUPPORTED, "words of 9 bits");
  affine.codes.layout = qw_code_layout(7);
  CHECK_FAILS(qw_weight_affine(codec, &affine, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "code layout 7");
}

}  // namespace qw_test
