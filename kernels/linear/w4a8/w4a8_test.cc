// Products of w4a8 and w8a8_groups: integer sums are exact on every level, so that all of them return the bits of the specification; and these lie
// where a simulation in floats of the same codes lies, computed here in f64 from unpacked codes.
#include "linear/w4a8/w4a8_case.h"

namespace {

using namespace qw_test;

const std::vector<int64_t> kCounts = {1, 2, 3, 4, 5, 7, 9, 12, 13, 25, 40};

qw_activations plain() { return token_activations(QW_ACTIVATION_DASHINFER, 8, true); }

// [m, rows] in f64 from codes, and what a float simulation of fake-quantized weights and activations gives.
void product_of_codes(const AffineCase& test, const qw_activations& activations, const float* x, int64_t ldx, int64_t m, const float* bias,
                      std::vector<double>* wanted, std::vector<double>* bound, int64_t* largest) {
  const int64_t rows = test.shape.rows, cols = test.shape.cols;
  for (int64_t i = 0; i < m; ++i) {
    const Simulated q = simulate(activations, x + i * ldx, cols);
    const int byte = q.low + (1 << (activations.bits - 1));  // what lies as 0 in memory: rounding errors scale with the distance from it
    for (int64_t row = 0; row < rows; ++row) {
      double sum = 0, size = 0;
      std::vector<int64_t> exact(size_t(test.groups), 0);
      for (int64_t k = 0; k < cols; ++k) {
        const int8_t stored = test.codes[size_t(row * cols + k)];
        const int64_t code = test.shape.is_signed ? int64_t(stored) : int64_t(uint8_t(stored));
        const size_t group = size_t(row * test.groups + test.group(k));
        const double w = (double(code) - double(test.zero[group])) * double(test.scale[group]);
        sum += w * (double(q.codes[size_t(k)]) - q.zero);
        size += double(test.largest_weight(row, k)) * (std::fabs(double(q.codes[size_t(k)] - byte)) + std::fabs(q.zero - byte));
        exact[size_t(test.group(k))] += code * (q.codes[size_t(k)] - byte);
      }
      for (const int64_t acc : exact) *largest = std::max<int64_t>(*largest, std::llabs(acc));
      const double add = bias == nullptr ? 0 : double(bias[row]);
      wanted->push_back(sum * double(q.scale) + add);
      bound->push_back(size * double(q.scale) + std::fabs(add));
    }
  }
}

qw_weight* packed_affine(const AffineCase& test, const qw_activations& activations) {
  qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_int8(&affine, test.shape.bits <= 4 ? 4 : 8, &activations, qw_pool_shared(), &weight));
  return weight;
}

void check_affine(const AffineCase& test, const qw_activations& activations, const std::vector<float>& x, int64_t ldx,
                  const std::vector<int64_t>& counts, const float* bias, const char* what) {
  qw_weight* weight = packed_affine(test, activations);
  if (weight == nullptr) return;
  std::vector<float> dequantized(test.codes.size());
  weight->codec->dequantize(weight, 0, weight->rows, dequantized.data());
  int64_t differing = 0, largest = 0;
  for (size_t i = 0; i < dequantized.size(); ++i) {
    differing += dequantized[i] != test.weight(int64_t(i) / test.shape.cols, int64_t(i) % test.shape.cols);
  }
  double worst = 0;
  for (const int64_t m : counts) {
    std::vector<double> wanted, bound;
    product_of_codes(test, activations, x.data(), ldx, m, bias, &wanted, &bound, &largest);
    const std::vector<float> y = same_on_every_level(weight, x.data(), ldx, m, bias, &differing);
    worst = std::max(worst, worst_error(y.data(), weight->rows + 3, weight->rows, m, wanted, bound));
  }
  CHECK(differing == 0);
  CHECK(worst < 5e-7);
  std::printf("  %s %s %s: largest |sum| %lld, error %.2g, %.3f bits\n", weight->codec->name, what, test.shape.name().c_str(),
              (long long)largest, worst, double(weight->bytes) * 8 / double(weight->rows * weight->cols));
  qw_weight_free(weight);
}

void check_random(Random& random) {
  const int64_t shapes[][3] = {{33, 172, 32}, {1, 1, 1}, {16, 200, 64}, {50, 33, 16}, {48, 384, 128},
                               {17, 1030, 100}, {40, 96, 96}, {20, 257, 7}, {70, 688, 5}};
  const std::vector<qw_activations> kinds = every_rule({8, 6, 4});
  int which = 0;
  for (const auto& s : shapes) {
    for (const int bits : {8, 4, 3, 2}) {
      for (const bool order : {false, true}) {
        if (bits == 8 && s[1] == s[2] && !order) continue;  // codec w8a8
        const AffineCase test({s[0], s[1], s[2], bits, which % 2 == 0, order, which % 3 == 0, qw_type(which % 3)}, random);
        const int64_t ldx = s[1] + 1;
        const std::vector<float> x = random.vector(size_t(40 * ldx)), bias = random.vector(size_t(s[0]));
        const std::vector<int64_t> counts = which % 5 == 0 ? kCounts : std::vector<int64_t>{1, 6, 13};
        check_affine(test, kinds[size_t(which) % kinds.size()], x, ldx, counts, which % 2 ? bias.data() : nullptr, "random");
        ++which;
      }
    }
  }
}

// Every product the largest there is: multiply-adds that saturate in 16 bits, or sums of too many of them, would be off by thousands.
void check_adversarial(Random& random) {
  for (const int bits : {8, 4}) {
    for (const bool is_signed : {true, false}) {
      for (const int fill : {-(1 << (bits - 1)), (1 << bits) - 1, (1 << (bits - 1)) - 1}) {
        AffineCase test({18, 4099, 1024, bits, is_signed, false, false, QW_F32}, random);
        std::fill(test.codes.begin(), test.codes.end(), int8_t(fill & (is_signed ? -1 : (1 << bits) - 1)));
        if (is_signed && fill == (1 << bits) - 1) continue;
        std::vector<float> x(13 * 4099);
        for (size_t i = 0; i < x.size(); ++i) x[i] = i / 4099 % 2 ? -127.0f : 127.0f;
        check_affine(test, plain(), x, 4099, {1, 4, 13}, nullptr, "saturating");
        for (size_t i = 0; i < x.size(); ++i) x[i] = i / 4099 % 2 ? 1e6f : -1e6f;  // codes 0 and 255, which are -128 and 127 inside
        check_affine(test, tensor_activations(8, 0.5f, 3), x, 4099, {1, 4, 13}, nullptr, "static, saturating");
      }
    }
  }
  for (const int bits : {8, 4}) {
    const AffineCase test({20, 300, 50, bits, true, bits == 4, true, QW_F32}, random);
    std::vector<float> x = random.vector(6 * 300);
    for (int k = 0; k < 300; ++k) x[size_t(300 + k)] = 0;                            // a row of zeros gives the bias
    x[2 * 300 + 17] = 1e4f;                                                          // an outlier takes all the range
    for (int k = 0; k < 300; ++k) x[size_t(900 + k)] = float(k % 255 - 127) + 0.5f;  // ties round to even
    for (int k = 0; k < 300; ++k) x[size_t(1200 + k)] = std::fabs(x[size_t(1200 + k)]);
    const std::vector<float> bias = random.vector(20);
    for (const qw_activations& kind : {plain(), token_activations(QW_ACTIVATION_AFFINE, 8, false)}) {
      check_affine(test, kind, x, 300, {1, 2, 3, 4, 6}, bias.data(), "extremes");
    }
    qw_weight* weight = packed_affine(test, plain());
    const Product zeros(weight, x.data() + 300, 300, 1, bias.data());
    for (int row = 0; row < 20; ++row) CHECK(zeros.y[size_t(row)] == bias[size_t(row)]);
    qw_weight_free(weight);
  }
}

// With scales of 1 the product is the integer itself: it must be the int64 sum, not near it.
void check_exact(Random& random) {
  for (const int bits : {8, 4}) {
    for (const int group : {32, 128, 300}) {
      AffineCase test({37, 300, group, bits, true, group == 128, false, QW_F32}, random);
      std::fill(test.scale.begin(), test.scale.end(), 1.0f);
      if (group == 32) std::fill(test.zero.begin(), test.zero.end(), 3.0f);
      std::vector<float> x(14 * 300);
      for (int64_t i = 0; i < 14 * 300; ++i) x[size_t(i)] = i % 300 == 0 ? 127.0f : float(random.integer(-127, 127));
      for (int k = 0; k < 300; ++k) x[size_t(k)] = 127, x[size_t(300 + k)] = -127;
      if (bits == 8 && group == 300 && test.g_idx.empty()) test.g_idx.assign(300, 0);  // not the codec w8a8
      qw_weight* weight = packed_affine(test, plain());
      if (weight == nullptr) return;
      every_level([&](qw_simd) {
        const Product got(weight, x.data(), 300, 14, nullptr);
        for (int64_t i = 0; i < 14; ++i) {
          for (int64_t row = 0; row < 37; ++row) {
            int64_t sum = 0;
            for (int64_t k = 0; k < 300; ++k) {
              const int64_t zero = int64_t(test.zero[size_t(row * test.groups + test.group(k))]);
              sum += (test.codes[size_t(row * 300 + k)] - zero) * int64_t(x[size_t(i * 300 + k)]);
            }
            CHECK(got.y[size_t(i * got.ldy + row)] == float(sum));
          }
        }
      });
      qw_weight_free(weight);
    }
  }
}

void check_refusals(Random& random) {
  const AffineCase test({4, 64, 8, 4, true, false, false, QW_F32}, random);
  const qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  const qw_activations razored = {QW_ACTIVATION_RAZORED, 8, QW_ACTIVATION_DASHINFER, 1, 0, 0, 0, 16, 16, 0};
  CHECK_FAILS(qw_weight_int8(&affine, 4, &razored, qw_pool_shared(), &weight), QW_UNSUPPORTED, "those need weights of qrazor");
  CHECK(weight == nullptr);
}

void check_all_saved(Random& random) {
  for (const bool order : {false, true}) {
    check_saved(packed_affine(AffineCase({33, 100, 32, 4, true, order, false, QW_F16}, random), plain()), random);
    check_saved(packed_affine(AffineCase({33, 100, 32, 8, false, order, true, QW_F32}, random), tensor_activations(8, 0.1f, 90)), random);
  }
}

}  // namespace

int main() {
  qw_test::Random random(48);
  check_random(random);
  check_adversarial(random);
  check_exact(random);
  check_not_finite(packed_affine(AffineCase({20, 64, 16, 4, true, false, false, QW_F32}, random), plain()), random);
  check_refusals(random);
  check_all_saved(random);
  return qw_test::finish("linear/w4a8");
}
