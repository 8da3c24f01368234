#include "pack/pack.h"

#include "linear/float16.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

void check_round_trip(int bits, int64_t rows, int64_t cols, Random& random) {
  std::vector<uint8_t> codes(size_t(rows * cols));
  for (uint8_t& code : codes) code = uint8_t(random.integer(0, (1 << bits) - 1));
  const int64_t words = qw_pack_words(cols, bits);
  CHECK(words == (cols * bits + 31) / 32);
  // One byte off, and one canary after the end: mapped words need not be aligned.
  std::vector<uint32_t> packed(size_t(rows * words) + 1, 0xabababab), transposed(packed);
  CHECK_OK(qw_pack_rows(codes.data(), rows, cols, bits, qw_pool_shared(), packed.data()));
  CHECK_OK(qw_pack_gptq(codes.data(), rows, cols, bits, qw_pool_shared(), transposed.data()));
  CHECK(packed.back() == 0xabababab && transposed.back() == 0xabababab);
  // The definition: bit j of code i of a row is bit (i * bits + j) of its stream; bits after the last code are zero.
  int64_t wrong = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t at = 0; at < words * 32; ++at) {
      const int64_t i = at / bits;
      const uint32_t wanted = i < cols ? uint32_t(codes[size_t(row * cols + i)]) >> (at % bits) & 1u : 0u;
      wrong += (packed[size_t(row * words + at / 32)] >> (at % 32) & 1u) != wanted;
      wrong += (transposed[size_t(at / 32 * rows + row)] >> (at % 32) & 1u) != wanted;
    }
  }
  CHECK(wrong == 0);
  std::vector<char> moved(size_t(rows * words) * 4 + 1);
  std::vector<uint8_t> back(codes.size());
  std::memcpy(moved.data() + 1, packed.data(), moved.size() - 1);
  CHECK_OK(qw_unpack_rows(moved.data() + 1, rows, cols, bits, qw_pool_shared(), back.data()));
  CHECK(back == codes);
  std::fill(back.begin(), back.end(), uint8_t(0));
  std::memcpy(moved.data() + 1, transposed.data(), moved.size() - 1);
  CHECK_OK(qw_unpack_gptq(moved.data() + 1, rows, cols, bits, qw_pool_shared(), back.data()));
  CHECK(back == codes);
}

void check_refusals() {
  std::vector<uint8_t> codes(3 * 40, 1);
  std::vector<uint32_t> words(3 * 40);
  codes[40 + 35] = 8;
  CHECK_FAILS(qw_pack_rows(codes.data(), 3, 40, 3, qw_pool_shared(), words.data()), QW_INVALID_ARGUMENT, "code 8 at row 1, column 35");
  CHECK_FAILS(qw_pack_gptq(codes.data(), 3, 40, 3, qw_pool_shared(), words.data()), QW_INVALID_ARGUMENT, "code 8 at row 1, column 35");
  CHECK_FAILS(qw_pack_rows(codes.data(), 3, 40, 9, qw_pool_shared(), words.data()), QW_UNSUPPORTED, "9 bits");
}

// Every 16-bit pattern, on every level, from an odd address.
void check_widen() {
  constexpr int64_t count = 65536;
  std::vector<char> stored(count * 2 + 1);
  std::vector<float> out(count);
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t bits = uint16_t(i);
    std::memcpy(stored.data() + 1 + i * 2, &bits, 2);
  }
  for (const qw_type type : {QW_F16, QW_BF16}) {
    const qw_dense dense = {type, 1, count, stored.data() + 1};
    every_level([&](qw_simd) {
      CHECK_OK(qw_widen(&dense, qw_pool_shared(), out.data()));
      int64_t wrong = 0, narrowed_wrong = 0;
      for (int64_t i = 0; i < count; ++i) {
        // Independent of the conversion under test: sign, exponent and fraction put together by ldexp.
        const int wide = type == QW_F16 ? 10 : 7, exponent_bits = 15 - wide, bias = (1 << (exponent_bits - 1)) - 1;
        const int exponent = int(i >> wide) & ((1 << exponent_bits) - 1), fraction = int(i) & ((1 << wide) - 1);
        double wanted = exponent == 0 ? std::ldexp(fraction, 1 - bias - wide) : std::ldexp((1 << wide) + fraction, exponent - bias - wide);
        if (exponent == (1 << exponent_bits) - 1) wanted = fraction ? NAN : INFINITY;
        if (i & 0x8000) wanted = -wanted;
        const float got = out[size_t(i)];
        wrong += std::isnan(wanted) ? !std::isnan(got) : !(double(got) == wanted);
        if (std::isnan(wanted)) continue;
        narrowed_wrong += (type == QW_F16 ? qw_f32_to_f16(got) : qw_f32_to_bf16(got)) != uint16_t(i);
      }
      CHECK(wrong == 0);
      CHECK(narrowed_wrong == 0);
    });
  }
}

// Half-way cases go to the even neighbour; the largest values round to infinity.
void check_narrowing() {
  CHECK(qw_round_to_type(QW_F16, 1.0f + 0x1p-11f) == 1.0f);
  CHECK(qw_round_to_type(QW_F16, 1.0f + 0x3p-11f) == 1.0f + 0x2p-10f);
  CHECK(qw_round_to_type(QW_F16, 0x1p-25f) == 0.0f);
  CHECK(qw_round_to_type(QW_F16, 0x1.8p-25f) == 0x1p-24f);
  CHECK(qw_round_to_type(QW_F16, 65519.0f) == 65504.0f);
  CHECK(std::isinf(qw_round_to_type(QW_F16, 65520.0f)));
  CHECK(qw_round_to_type(QW_BF16, 1.0f + 0x1p-8f) == 1.0f);
  CHECK(qw_round_to_type(QW_BF16, 1.0f + 0x3p-8f) == 1.0f + 0x2p-7f);
  CHECK(std::isinf(qw_round_to_type(QW_BF16, std::numeric_limits<float>::max())));
  CHECK(std::isnan(qw_round_to_type(QW_BF16, NAN)) && std::isnan(qw_round_to_type(QW_F16, NAN)));
}

}  // namespace

int main() {
  Random random(3);
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    for (const int64_t rows : {1, 7, 64}) {
      for (const int64_t cols : {1, 10, 31, 32, 33, 96, 200}) check_round_trip(bits, rows, cols, random);
    }
    check_round_trip(bits, 300, 700, random);
  }
  check_refusals();
  check_widen();
  check_narrowing();
  return finish("pack");
}
