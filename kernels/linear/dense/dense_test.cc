#include "linear/linear_case.h"

namespace {

using namespace qw_test;

void check_shape(qw_type type, int64_t rows, int64_t cols, Random& random) {
  // One byte off: mapped tensors need not be aligned. The buffer ends with the last weight, so an over-read is an error under sanitizers.
  const std::vector<float> drawn = random.vector(size_t(rows * cols));
  std::vector<char> stored(1 + size_t(rows * cols * qw_type_bytes(type)));
  std::vector<float> widened(drawn.size());
  for (size_t i = 0; i < drawn.size(); ++i) {
    qw_write_typed(type, stored.data() + 1, int64_t(i), drawn[i]);
    widened[i] = qw_round_to_type(type, drawn[i]);
  }
  const qw_dense dense = {type, rows, cols, stored.data() + 1};
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_dense(&dense, &weight));
  if (weight == nullptr) return;
  std::vector<float> dequantized(drawn.size());
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == widened);
  const int64_t ldx = cols + 3;
  const std::vector<float> x = random.vector(size_t(64 * ldx)), bias = random.vector(size_t(rows));
  double worst[QW_SIMD_LEVELS] = {};
  for (int64_t m : {1, 2, 3, 4, 5, 8, 9, 15, 33, 64}) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> bound;
    const std::vector<double> wanted = naive_product(widened, rows, cols, x.data(), ldx, m, with_bias, &bound);
    every_level([&](qw_simd level) {
      const Product got(weight, x.data(), ldx, m, with_bias);
      worst[level] = std::max(worst[level], worst_error(got.y.data(), got.ldy, rows, m, wanted, bound));
    });
  }
  std::printf("  dense %s %lldx%lld", type == QW_F32 ? "f32" : type == QW_F16 ? "f16" : "bf16", (long long)rows, (long long)cols);
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    if (!qw_simd_available(qw_simd(level))) continue;
    std::printf(" %s %.2g", qw_simd_name(qw_simd(level)), worst[level]);
    CHECK(worst[level] < (level == QW_SIMD_AMX && type == QW_BF16 ? 8e-6 : 1e-6));  // AMX: 16 bits of the activations
  }
  std::printf("\n");
  qw_weight_free(weight);
}

}  // namespace

int main() {
  qw_test::Random random(1);
  const int64_t shapes[][2] = {{33, 172}, {1, 1}, {5, 33}, {50, 200}, {384, 384}, {31, 1100}, {16, 7}};
  for (const qw_type type : {QW_F32, QW_F16, QW_BF16}) {
    for (const auto& shape : shapes) check_shape(type, shape[0], shape[1], random);
  }
  qw_weight* weight = nullptr;
  const qw_dense empty = {QW_F32, 0, 4, &weight};
  CHECK_FAILS(qw_weight_dense(&empty, &weight), QW_INVALID_ARGUMENT, "0 x 4");
  return qw_test::finish("linear/dense");
}
