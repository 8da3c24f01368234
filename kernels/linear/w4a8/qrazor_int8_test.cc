// Products of razored weights with razored and other activations: the same bits on every level, and where the exact integer product lies, which is
// computed here with int64 from codes, shifts and integers that are razored plainly.
#include "linear/qrazor/qrazor_case.h"
#include "linear/w4a8/w4a8_case.h"

namespace {

using namespace qw_test;

qw_activations razored(int bits, int base_bits, int group_size, bool original = false) {
  qw_activations made{};
  made.kind = QW_ACTIVATION_RAZORED;
  made.bits = bits;
  made.base_bits = base_bits;
  made.group_size = group_size;
  made.original = original;
  return made;
}

// Significant bits of integers, written plainly.
struct Razored {
  std::vector<int64_t> values;  // code * 2^t
  float scale = 0;
  int64_t zero = 0;  // of the bytes in memory, which rounding errors scale with
};

Razored razor(const qw_activations& activations, const float* x, int64_t cols) {
  Razored out;
  float most = 0;
  for (int64_t k = 0; k < cols; ++k) most = std::max(most, std::fabs(x[k]));
  const float top = float((1 << (activations.base_bits - 1)) - 1);
  out.scale = most / top;
  for (int64_t begin = 0; begin < cols; begin += activations.group_size) {
    std::vector<int64_t> integers;
    int64_t largest = 0;
    for (int64_t k = begin; k < begin + activations.group_size; ++k) {
      const float ratio = most == 0 ? 0 : x[k] / out.scale;
      integers.push_back(int64_t(std::nearbyint(std::min(top, std::max(-top - 1, ratio)))));
      largest = std::max<int64_t>(largest, std::llabs(integers.back()));
    }
    int length = 0;
    while (largest >> length != 0) ++length;
    const int64_t unit = int64_t(1) << std::max(0, length - activations.bits + 1), codes = int64_t(1) << (activations.bits - 1);
    for (const int64_t integer : integers) {
      const int64_t magnitude = std::llabs(integer);
      const bool cut = activations.original && unit > 1 && magnitude >= (int64_t(1) << length) - (int64_t(1) << (length - 4));
      int64_t kept = cut ? magnitude / unit : int64_t(std::nearbyint(double(magnitude) / double(unit)));
      kept = std::min(kept, codes - (integer > 0 || activations.original ? 1 : 0));
      out.values.push_back((integer < 0 ? -kept : kept) * unit);
    }
  }
  return out;
}

void check_razored(const QrazorCase& test, const qw_activations& activations, Random& random) {
  const qw_qrazor_stored stored = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_qrazor_int8(&stored, &activations, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  int64_t differing = 0;
  std::vector<float> dequantized(size_t(test.rows * test.cols));
  weight->codec->dequantize(weight, 0, test.rows, dequantized.data());
  for (int64_t i = 0; i < test.rows * test.cols; ++i) differing += dequantized[size_t(i)] != test.weight(i / test.cols, i % test.cols);
  const int64_t ldx = test.cols + 3, most = 14;
  std::vector<float> x = random.vector(size_t(most * ldx));
  const std::vector<float> bias = random.vector(size_t(test.rows));
  for (int64_t k = 0; k < test.cols; ++k) {
    x[size_t(k)] = 0;
    x[size_t(2 * ldx + k)] = k % 2 ? -3.0f : 3.0f;
    x[size_t(3 * ldx + k)] *= std::exp2(float(k % 19));
  }
  x[size_t(ldx)] = 1e4f;
  std::vector<double> wanted, bound;
  for (int64_t i = 0; i < most; ++i) {
    Razored q;
    if (activations.kind == QW_ACTIVATION_RAZORED) {
      q = razor(activations, x.data() + i * ldx, test.cols);
    } else {
      const Simulated plain = simulate(activations, x.data() + i * ldx, test.cols);
      for (const int code : plain.codes) q.values.push_back(code - int64_t(plain.zero));
      q.scale = float(plain.scale);
      q.zero = int64_t(plain.zero) - plain.low - (1 << (activations.bits - 1));
    }
    for (int64_t row = 0; row < test.rows; ++row) {
      int64_t sum = 0;
      double size = 0;
      for (int64_t k = 0; k < test.cols; ++k) {
        const int64_t weight_integer = int64_t(test.codes[size_t(row * test.cols + k)]) * (int64_t(1) << test.shift(row, k));
        const int64_t product = weight_integer * q.values[size_t(k)];
        sum += product;
        size += double(std::llabs(product)) + std::fabs(double(weight_integer) * double(2 * q.zero));
      }
      const double unit = double(test.scale[size_t(row)]) * double(q.scale);
      wanted.push_back(double(sum) * unit + double(bias[size_t(row)]));
      bound.push_back(size * unit + std::fabs(double(bias[size_t(row)])));
    }
  }
  const std::vector<float> y = same_on_every_level(weight, x.data(), ldx, most, bias.data(), &differing);
  const double worst = worst_error(y.data(), test.rows + 3, test.rows, most, wanted, bound);
  same_on_every_level(weight, x.data(), ldx, 1, nullptr, &differing);
  CHECK(differing == 0);
  CHECK(worst < 5e-7);
  std::printf("  qrazor_int8 %-44s x %d of %d g%d: error %.2g, %.3f bits\n", test.name().c_str(), activations.bits, activations.base_bits,
              activations.group_size, worst, double(weight->bytes) * 8 / double(test.rows * test.cols));
  qw_weight_free(weight);
}

void check_all_razored(Random& random) {
  for (const int bits : {3, 4, 8}) {
    for (const int base_bits : {8, 16}) {
      for (const int group : {8, 16, 32, 128}) {
        for (const int x_bits : {4, 8}) {
          const int x_group = group == 128 ? 32 : group == 8 ? 16 : group, base = bits == 3 ? 8 : 16;
          const QrazorCase test(random.integer(1, 40), std::max(group, x_group) * random.integer(1, 5), group, bits, base_bits, false, random);
          check_razored(test, razored(x_bits, base, x_group, group == 16 && bits != 3), random);
        }
        const QrazorCase outputs(random.integer(1, 150), 8 * random.integer(1, 30), group, bits, base_bits, true, random);
        check_razored(outputs, razored(8, 16, 8), random);
        const QrazorCase ragged(random.integer(1, 50), random.integer(1, 300), group, bits, base_bits, true, random);
        const qw_activation_rule rule = bits == 4 ? QW_ACTIVATION_AFFINE : QW_ACTIVATION_DASHINFER;
        check_razored(ragged, token_activations(rule, 8, bits != 4), random);
      }
    }
  }
}

qw_weight* packed(const QrazorCase& test, const qw_activations& activations) {
  const qw_qrazor_stored stored = test.stored();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_qrazor_int8(&stored, &activations, qw_pool_shared(), &weight));
  return weight;
}

void check_refusals(Random& random) {
  const QrazorCase test(4, 48, 16, 4, 8, false, random);
  const qw_qrazor_stored stored = test.stored();
  qw_weight* weight = nullptr;
  qw_activations kind = razored(8, 16, 32);
  const auto refused = [&] { return qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weight); };
  CHECK_FAILS(refused(), QW_UNSUPPORTED, "groups of 32, which do not divide 48 columns");
  kind.group_size = 24;
  CHECK_FAILS(refused(), QW_INVALID_ARGUMENT, "groups of 8, 16, 32, 64 or 128 columns, not 24");
  kind = {};
  kind.kind = QW_ACTIVATION_OUTLIERS;
  kind.bits = 8;
  CHECK_FAILS(refused(), QW_UNSUPPORTED, "a rule without outliers");
  CHECK(weight == nullptr);
}

void check_all_saved(Random& random) {
  for (const bool outputs : {false, true}) {
    for (const int base_bits : {8, 16}) check_saved(packed(QrazorCase(33, 96, 16, 4, base_bits, outputs, random), razored(4, 16, 32)), random);
  }
}

}  // namespace

int main() {
  qw_test::Random random(49);
  check_all_razored(random);
  check_not_finite(packed(QrazorCase(20, 64, 16, 4, 8, false, random), razored(8, 16, 16)), random);
  check_refusals(random);
  check_all_saved(random);
  return qw_test::finish("linear/w4a8, qrazor");
}
