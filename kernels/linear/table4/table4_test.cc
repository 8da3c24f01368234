// Every level against the f64 product of weights looked up here from the stored bytes, over blocks that end inside rows.
#include <array>

#include "linear/levels_case.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 8, 9, 14, 15, 33, 64};

struct Case {
  int64_t rows, cols, block;
  std::vector<uint8_t> codes;  // one byte off: mapped tensors need not be aligned
  std::vector<float> absmax;
  float table[16];

  Case(int64_t r, int64_t c, int64_t b, Random& random) : rows(r), cols(c), block(b), codes(size_t(r * c / 2 + 1)) {
    for (uint8_t& byte : codes) byte = uint8_t(random.integer(0, 255));
    for (int64_t i = 0; i < (r * c + b - 1) / b; ++i) absmax.push_back(float(random.uniform(0.01, 0.2)));
    for (float& value : table) value = float(random.uniform(-1, 1));
  }

  qw_table4 stored() const {
    qw_table4 from = {rows, cols, block, codes.data() + 1, absmax.data(), {}};
    std::memcpy(from.table, table, sizeof table);
    return from;
  }

  float weight(int64_t at) const {
    const uint8_t byte = codes[size_t(1 + at / 2)];
    return table[at % 2 == 0 ? byte >> 4 : byte & 15] * absmax[size_t(at / block)];
  }
};

void check_shape(int64_t rows, int64_t cols, int64_t block, Random& random) {
  const Case test(rows, cols, block, random);
  const qw_table4 from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_table4(&from, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  std::vector<float> wanted_weights(size_t(rows * cols)), dequantized(wanted_weights.size());
  for (size_t i = 0; i < wanted_weights.size(); ++i) wanted_weights[i] = test.weight(int64_t(i));
  weight->codec->dequantize(weight, 0, rows, dequantized.data());
  CHECK(dequantized == wanted_weights);
  const int64_t ldx = cols + 3;
  const std::vector<float> x = random.vector(size_t(64 * ldx)), bias = random.vector(size_t(rows));
  WorstOfLevels levels;
  for (int64_t m : kCounts) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> bound;
    const std::vector<double> wanted = naive_product(wanted_weights, rows, cols, x.data(), ldx, m, with_bias, &bound);
    levels.add(weight, x.data(), ldx, m, with_bias, wanted, bound);
  }
  std::printf("  table4 %lldx%lld blocks of %lld, %.3f bits a weight", (long long)rows, (long long)cols, (long long)block,
              double(weight->bytes) * 8 / double(rows * cols));
  levels.check();
  qw_weight_free(weight);
}

void check_nan(Random& random) {
  const Case test(20, 64, 64, random);
  const qw_table4 from = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_table4(&from, qw_pool_shared(), &weight));
  check_nan_rows(weight, random);
}

void check_refusals(Random& random) {
  Case test(4, 96, 64, random);
  qw_table4 from = test.stored();
  qw_weight* weight = nullptr;
  from.cols = 100;
  CHECK_FAILS(qw_weight_table4(&from, qw_pool_shared(), &weight), QW_UNSUPPORTED, "blocks of 64 over rows of 100 columns change every 4 columns");
  from.cols = 96;
  from.block = 0;
  CHECK_FAILS(qw_weight_table4(&from, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "blocks of 0");
  from.block = 64;
  from.rows = 0;
  CHECK_FAILS(qw_weight_table4(&from, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "0 x 96");
  from.rows = 4;
  from.table[3] = NAN;
  CHECK_FAILS(qw_weight_table4(&from, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "of code 3 is not finite");
  from.table[3] = 0;
  test.absmax[5] = INFINITY;
  CHECK_FAILS(qw_weight_table4(&from, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "absmax inf of block 5");
  CHECK(weight == nullptr);
}

}  // namespace

int main() {
  Random random(44);
  // Blocks that divide the row, that hold several rows, and that end inside one; the last may be short.
  const std::array<int64_t, 3> shapes[] = {{33, 128, 64}, {1, 8, 8},     {16, 192, 64},   {50, 96, 64},  {7, 64, 4096},  {48, 256, 128},
                                           {31, 1088, 64}, {20, 40, 64}, {17, 1536, 512}, {64, 512, 32}, {9, 1024, 1536}, {5, 520, 4096}};
  for (const auto& s : shapes) check_shape(s[0], s[1], s[2], random);
  for (int i = 0; i < 8; ++i) check_shape(random.integer(1, 70), 8 * random.integer(1, 80), 32 << random.integer(0, 7), random);
  check_nan(random);
  check_refusals(random);
  return qw_test::finish("linear/table4");
}
