// What is saved and restored computes the same to the bit on every level; what is damaged is refused, and never read beyond its end.
#include <array>

#include "linear/bcq/bcq_case.h"
#include "linear/int8/activations_case.h"
#include "linear/int8/weight.h"
#include "linear/linear_case.h"
#include "linear/qrazor/qrazor_case.h"
#include "linear/saved_case.h"

namespace {

using namespace qw_test;

qw_status refuse(void*, const void*, size_t) { return qw_error(QW_IO, "no room"); }

// Frees the weight.
void check_round_trip(qw_weight* packed, Random& random) {
  Aligned bytes(qw_saved_bytes(packed));
  CHECK(qw_saved_bytes(packed) > packed->bytes && qw_saved_bytes(packed) % 64 == 0);
  CHECK_OK(qw_weight_save(packed, append, &bytes));
  CHECK(bytes.length == qw_saved_bytes(packed));
  CHECK_FAILS(qw_weight_save(packed, refuse, nullptr), QW_IO, "no room");
  qw_weight* restored = nullptr;
  CHECK_OK(qw_weight_restore(bytes.data(), bytes.length, &restored));
  if (restored == nullptr) return;
  CHECK(restored->bytes == packed->bytes && restored->codec == packed->codec);
  const int64_t cols = packed->cols, count = 33;
  const std::vector<float> x = random.vector(size_t(count * cols)), bias = random.vector(size_t(packed->rows));
  every_level([&](qw_simd) {
    for (const int64_t m : {int64_t(1), int64_t(5), count}) {
      const Product wanted(packed, x.data(), cols, m, bias.data()), got(restored, x.data(), cols, m, bias.data());
      CHECK(std::memcmp(wanted.y.data(), got.y.data(), got.y.size() * sizeof(float)) == 0);
    }
  });
  qw_weight_free(restored);
  restored = nullptr;
  // Every length but the right one or more, and every changed byte of the header.
  for (size_t length = 0; length < bytes.length; length += length < 300 ? 1 : 64) CHECK(qw_weight_restore(bytes.data(), length, &restored).code != QW_OK);
  for (size_t at = 0; at < 256; ++at) {
    bytes.data()[at] ^= 1;
    CHECK(qw_weight_restore(bytes.data(), bytes.length, &restored).code != QW_OK);
    bytes.data()[at] ^= 1;
  }
  CHECK_FAILS(qw_weight_restore(bytes.data() + 1, bytes.length - 1, &restored), QW_INVALID_ARGUMENT, "multiple of 64");
  CHECK(restored == nullptr);
  qw_weight_free(packed);
}

void check_round_trip(const char* codec, const AffineShape& shape, Random& random) {
  const AffineCase test(shape, random);
  const qw_affine affine = test.affine();
  qw_weight* packed = nullptr;
  CHECK_OK(qw_weight_affine(codec, &affine, qw_pool_shared(), &packed));
  if (packed != nullptr) check_round_trip(packed, random);
}

void check_table_round_trip(int64_t rows, int64_t cols, int64_t block, Random& random) {
  std::vector<uint8_t> codes(size_t(rows * cols / 2));
  for (uint8_t& byte : codes) byte = uint8_t(random.integer(0, 255));
  const std::vector<float> absmax = random.vector(size_t((rows * cols + block - 1) / block)), table = random.vector(16);
  qw_table4 table4 = {rows, cols, block, codes.data(), absmax.data(), {}};
  std::memcpy(table4.table, table.data(), sizeof table4.table);
  qw_weight* packed = nullptr;
  CHECK_OK(qw_weight_table4(&table4, qw_pool_shared(), &packed));
  if (packed != nullptr) check_round_trip(packed, random);
}

void check_bcq_round_trip(const BcqShape& shape, Random& random) {
  const BcqCase test(shape, random);
  const qw_bcq_stored stored = test.stored();
  qw_weight* packed = nullptr;
  CHECK_OK(qw_weight_bcq(&stored, qw_pool_shared(), &packed));
  if (packed != nullptr) check_round_trip(packed, random);
}

// A column that x does not have would be read outside of it.
void check_damaged_columns(Random& random) {
  const AffineCase test({20, 64, 16, 4, false, true, false, QW_F16}, random);
  const qw_affine affine = test.affine();
  qw_weight* packed = nullptr;
  CHECK_OK(qw_weight_affine("q4", &affine, qw_pool_shared(), &packed));
  Aligned bytes(qw_saved_bytes(packed));
  CHECK_OK(qw_weight_save(packed, append, &bytes));
  qw_weight* restored = nullptr;
  const int32_t outside = 64;
  std::memcpy(bytes.data() + bytes.length - 64, &outside, sizeof outside);
  CHECK_FAILS(qw_weight_restore(bytes.data(), bytes.length, &restored), QW_INVALID_ARGUMENT, "its order of columns");
  qw_weight_free(packed);
}

}  // namespace

int main() {
  Random random(77);
  int which = 0;
  for (const auto& s : {std::array<int64_t, 3>{33, 172, 32}, {7, 33, 5}, {64, 256, 256}, {130, 96, 24}}) {
    for (const bool order : {false, true}) {
      check_round_trip("q4", {s[0], s[1], s[2], 4, which % 2 == 0, order, which % 4 < 2, qw_type(which % 3)}, random);
      for (const int bits : {2, 3, 5, 6}) {
        const std::string codec = "q" + std::to_string(bits);
        check_round_trip(codec.c_str(), {s[0], s[1], s[2], bits, which % 2 == 0, order, which % 4 < 2, qw_type((which + bits) % 3)}, random);
      }
      check_round_trip("q8", {s[0], s[1], s[2], 8, which % 2 == 1, order, which % 4 < 2, qw_type((which + 1) % 3)}, random);
      ++which;
    }
    check_round_trip("w8a8", {s[0], s[1], s[1], 8, which % 4 == 0, false, true, QW_F32}, random);
  }
  for (const qw_activations& activations : every_rule({6, 8})) {
    const AffineCase test({37, 90, 90, 8, true, false, true, QW_F16}, random);
    const qw_affine affine = test.affine();
    qw_weight* packed = nullptr;
    CHECK_OK(qw_weight_int8(&affine, 8, &activations, qw_pool_shared(), &packed));
    if (packed != nullptr) check_round_trip(packed, random);
  }
  check_table_round_trip(33, 192, 64, random);
  check_table_round_trip(16, 96, 64, random);
  check_bcq_round_trip({33, 192, 64, 3, false, false, false, QW_F16, QW_F32}, random);
  check_bcq_round_trip({20, 100, 24, 4, true, true, true, QW_F32, QW_BF16}, random);
  for (const bool outputs : {false, true}) {
    for (const int bits : {3, 4, 8}) {
      const QrazorCase test(33, 200, 8, bits, bits == 8 ? 16 : 8, outputs, random);
      const qw_qrazor_stored stored = test.stored();
      qw_weight* packed = nullptr;
      CHECK_OK(qw_weight_qrazor(&stored, qw_pool_shared(), &packed));
      if (packed != nullptr) check_round_trip(packed, random);
    }
  }
  check_damaged_columns(random);
  const float one[4] = {1, 2, 3, 4};
  const qw_dense dense = {QW_F32, 2, 2, one};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  CHECK(qw_saved_bytes(weight) == 0);
  CHECK_FAILS(qw_weight_save(weight, append, nullptr), QW_UNSUPPORTED, "dense weight has no saved form");
  qw_weight_free(weight);
  CHECK(qw_saved_layouts() != 0);
  return qw_test::finish("linear/saved");
}
