// Every level against the f64 product of weights made here from the stored bits, over groups that end inside words and rows inside tiles.
#include "linear/bcq/bcq_case.h"
#include "linear/levels_case.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 15, 33};

void check_shape(const BcqShape& shape, Random& random) {
  const BcqCase test(shape, random);
  const qw_bcq_stored stored = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_bcq(&stored, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  const int64_t rows = shape.rows, cols = shape.cols, ldx = cols + 3;
  std::vector<float> wanted_weights, largest, dequantized(size_t(rows * cols));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < cols; ++k) {
      wanted_weights.push_back(test.weight(row, k));
      largest.push_back(test.largest_weight(row, k));
    }
  }
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == wanted_weights);
  const std::vector<float> x = random.vector(size_t(33 * ldx)), bias = random.vector(size_t(rows));
  WorstOfLevels levels;
  for (int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> bound;
    naive_product(largest, rows, cols, x.data(), ldx, m, with_bias, &bound);
    std::vector<double> unused;
    const std::vector<double> wanted = naive_product(wanted_weights, rows, cols, x.data(), ldx, m, with_bias, &unused);
    levels.add(weight, x.data(), ldx, m, with_bias, wanted, bound);
  }
  std::printf("  bcq%d %lldx%lld g%lld%s%s%s, %.3f bits a weight", shape.bits, (long long)rows, (long long)cols, (long long)shape.group_size,
              shape.doubling ? " doubling" : "", shape.with_bias ? " q_bias" : "", shape.random_order ? " act-order" : "",
              double(weight->bytes) * 8 / double(rows * cols));
  levels.check();
  qw_weight_free(weight);
}

void check_nan(Random& random) {
  const BcqCase test({20, 64, 64, 3, false, true, false, QW_F16, QW_F32}, random);
  const qw_bcq_stored stored = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_bcq(&stored, qw_pool_shared(), &weight));
  check_nan_rows(weight, random);
}

// What alphas and biases cost is what the README says.
void check_memory(Random& random) {
  const auto bits_of = [&random](const BcqShape& shape) {
    const BcqCase test(shape, random);
    const qw_bcq_stored stored = test.stored();
    qw_weight* weight = nullptr;
    CHECK_OK(qw_weight_bcq(&stored, qw_pool_shared(), &weight));
    const double bits = double(weight->bytes) * 8 / double(shape.rows * shape.cols);
    qw_weight_free(weight);
    return bits;
  };
  CHECK(bits_of({32, 256, 128, 4, false, false, false, QW_F16, QW_F32}) == 4.5);
  CHECK(bits_of({32, 256, 128, 4, true, true, false, QW_F16, QW_F32}) == 4.375);
  CHECK(bits_of({32, 256, 32, 2, false, true, false, QW_F16, QW_F16}) == 3.5);
}

void check_refusals(Random& random) {
  BcqCase test({4, 96, 32, 2, false, true, true, QW_F32, QW_F32}, random);
  qw_weight* weight = nullptr;
  const auto refuse = [&](const qw_bcq_stored& stored, qw_code code, const char* words) {
    CHECK_FAILS(qw_weight_bcq(&stored, qw_pool_shared(), &weight), code, words);
    CHECK(weight == nullptr);
  };
  qw_bcq_stored stored = test.stored();
  stored.bits = 5;
  refuse(stored, QW_UNSUPPORTED, "5 bits");
  stored = test.stored();
  stored.group_size = 97;
  refuse(stored, QW_INVALID_ARGUMENT, "group_size 97 is not in 1..96");
  stored = test.stored();
  stored.rows = 0;
  refuse(stored, QW_INVALID_ARGUMENT, "0 x 96");
  stored = test.stored();
  stored.alpha_type = qw_type(7);
  refuse(stored, QW_INVALID_ARGUMENT, "unknown type 7");
  test.g_idx[5] = 3;
  refuse(test.stored(), QW_INVALID_ARGUMENT, "g_idx of column 5 is 3; there are 3 groups");
  test.g_idx[5] = 0;
  qw_write_typed(QW_F32, test.q_bias.data() + 1, 2 * 4 + 1, NAN);
  refuse(test.stored(), QW_INVALID_ARGUMENT, "row 1, group 2 is not finite");
}

}  // namespace

int main() {
  Random random(45);
  const BcqShape shapes[] = {{33, 128, 64, 4, false, false, false, QW_F16, QW_F32}, {1, 1, 1, 1, false, true, false, QW_F32, QW_F32},
                             {16, 192, 192, 3, false, false, false, QW_BF16, QW_F32}, {50, 100, 100, 2, false, true, false, QW_F16, QW_BF16},
                             {48, 1100, 128, 4, true, true, false, QW_F16, QW_F32}, {7, 700, 50, 3, true, true, true, QW_F16, QW_F16},
                             {70, 1088, 32, 1, false, false, false, QW_F16, QW_F32}, {17, 96, 5, 2, false, false, true, QW_F32, QW_F32}};
  for (const BcqShape& shape : shapes) check_shape(shape, random);
  for (int i = 0; i < 12; ++i) {
    const int64_t cols = random.integer(1, 700);
    check_shape({random.integer(1, 70), cols, i % 3 == 0 ? cols : random.integer(1, cols), 1 + i % 4, i % 2 == 1, random.integer(0, 1) == 1, i % 5 == 4,
                 qw_type(i % 3), qw_type(random.integer(0, 2))}, random);
  }
  check_nan(random);
  check_memory(random);
  check_refusals(random);
  return finish("linear/bcq");
}
