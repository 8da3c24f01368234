// What a row of x gives does not depend on the rows beside it, as long as both calls take the route for few rows (at most 8), or both that
// for many. Products of integers have one route: there it never depends.
#include <cstring>

#include "linear/bcq/bcq_case.h"
#include "linear/int8/activations_case.h"
#include "linear/int8/weight.h"
#include "linear/linear_case.h"
#include "linear/qrazor/qrazor_case.h"

using namespace qw_test;

namespace {

std::vector<float> product(const qw_weight* weight, const float* x, int64_t m, const std::vector<float>& bias) {
  std::vector<float> y(size_t(m * weight->rows));
  const size_t bytes = weight->codec->scratch_bytes == nullptr ? 0 : weight->codec->scratch_bytes(weight, m);
  std::vector<char> scratch(bytes + 64);
  weight->codec->matmul(weight, x, weight->cols, m, bias.data(), y.data(), weight->rows, scratch.data(), qw_pool_shared());
  return y;
}

// Each of the counts against each window of as many rows of the largest.
void rows_do_not_see_each_other(const char* name, const qw_weight* weight, const std::vector<int64_t>& counts) {
  Random random(17);
  const int64_t most = counts.back();
  const std::vector<float> x = random.vector(size_t(most * weight->cols)), bias = random.vector(size_t(weight->rows));
  every_level([&](qw_simd level) {
    const std::vector<float> together = product(weight, x.data(), most, bias);
    int64_t differing = 0;
    double worst = 0, largest = 0;
    for (int64_t m : counts) {
      for (int64_t first = 0; first + m <= most; ++first) {
        const std::vector<float> some = product(weight, x.data() + first * weight->cols, m, bias);
        const float* same = together.data() + first * weight->rows;
        differing += std::memcmp(some.data(), same, some.size() * sizeof(float)) != 0;
        for (size_t i = 0; i < some.size(); ++i) {
          worst = std::max(worst, std::fabs(double(some[i]) - double(same[i])));
          largest = std::max(largest, std::fabs(double(same[i])));
        }
      }
    }
    if (differing > 0) {
      std::printf("  %s %s, up to %lld rows: %lld windows differ, by %.2g of the largest\n", name, qw_simd_name(level), (long long)most,
                  (long long)differing, worst / largest);
    }
    CHECK(differing == 0);
  });
}

void check(const char* name, qw_weight* weight) {
  rows_do_not_see_each_other(name, weight, {1, 2, 3, 5, 8});
  rows_do_not_see_each_other(name, weight, {9, 14, 16, 33});
  const std::string codec = weight->codec->name;
  if (codec == "w8a8" || codec == "w8a8_groups" || codec == "w4a8" || codec == "qrazor_int8") rows_do_not_see_each_other(name, weight, {1, 7, 20});
  qw_weight_free(weight);
}

}  // namespace

int main() {
  Random random(3);
  const std::vector<float> values = random.vector(size_t(70 * 1100));
  for (qw_type type : {QW_F32, QW_F16, QW_BF16}) {
    std::vector<uint16_t> halves;
    for (float value : values) halves.push_back(type == QW_F16 ? qw_f32_to_f16(value) : qw_f32_to_bf16(value));
    const qw_dense dense{type, 70, 1100, type == QW_F32 ? static_cast<const void*>(values.data()) : halves.data()};
    qw_weight* weight = nullptr;
    CHECK_OK(qw_weight_dense(&dense, &weight));
    check("dense", weight);
  }
  const struct {
    const char* codec;
    AffineShape shape;
  } cases[] = {{"q4", {70, 1100, 64, 4, false, false, true, QW_F16}},
               {"q4", {70, 1100, 64, 4, true, true, false, QW_F32}},
               {"q2", {70, 1104, 16, 2, true, true, false, QW_F16}},
               {"q3", {70, 1100, 80, 3, false, false, true, QW_F32}},
               {"q5", {70, 1100, 32, 5, false, false, false, QW_BF16}},
               {"q6", {70, 1100, 16, 6, true, false, false, QW_F16}},
               {"q8", {70, 1100, 1100, 8, false, false, true, QW_BF16}},
               {"q8", {70, 1100, 32, 8, true, true, false, QW_F16}},
               {"w8a8", {70, 1100, 1100, 8, true, false, false, QW_F32}},
               {"w8a8_groups", {70, 1100, 64, 8, true, false, false, QW_F32}},
               {"w4a8", {70, 1100, 32, 4, false, true, true, QW_F16}}};
  for (const auto& one : cases) {
    const AffineCase made(one.shape, random);
    const qw_affine affine = made.affine();
    qw_weight* weight = nullptr;
    const bool groups = std::strcmp(one.codec, "w8a8_groups") == 0 || std::strcmp(one.codec, "w4a8") == 0;
    const qw_activations activations = token_activations(QW_ACTIVATION_DASHINFER, 8, true);
    CHECK_OK(groups ? qw_weight_int8(&affine, one.shape.bits, &activations, qw_pool_shared(), &weight) : qw_weight_affine(one.codec, &affine, qw_pool_shared(), &weight));
    check(one.codec, weight);
  }
  std::vector<uint8_t> bytes(70 * 1088);
  for (uint8_t& byte : bytes) byte = uint8_t(random.integer(0, 0x7e));
  qw_table4 table4 = {70, 1088, 64, bytes.data(), values.data(), {}};
  std::memcpy(table4.table, values.data(), sizeof table4.table);
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_table4(&table4, qw_pool_shared(), &weight));
  check("table4", weight);
  for (int bits = 1; bits <= 4; ++bits) {
    const BcqCase made({70, 1100, 64, bits, bits == 2, bits == 3, bits == 4, QW_F16, QW_F32}, random);
    const qw_bcq_stored stored = made.stored();
    CHECK_OK(qw_weight_bcq(&stored, qw_pool_shared(), &weight));
    check("bcq", weight);
  }
  const qw_f8 f8 = {QW_F8_E4M3, 70, 1088, bytes.data(), values.data(), 32, 128};
  CHECK_OK(qw_weight_f8(&f8, &weight));
  check("f8", weight);
  for (const bool outputs : {false, true}) {
    const QrazorCase razored(70, 1088, outputs ? 32 : 16, 4, 8, outputs, random);
    const qw_qrazor_stored stored = razored.stored();
    CHECK_OK(qw_weight_qrazor(&stored, qw_pool_shared(), &weight));
    check("qrazor", weight);
    const qw_activations activations = {QW_ACTIVATION_RAZORED, 8, QW_ACTIVATION_DASHINFER, 1, 0, 0, 0, 16, 32, 0};
    CHECK_OK(qw_weight_qrazor_int8(&stored, &activations, qw_pool_shared(), &weight));
    check("qrazor_int8", weight);
  }
  return finish("linear rows");
}
