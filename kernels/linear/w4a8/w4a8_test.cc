// Products of int8 codecs by groups: integer sums are exact on every level, so that all of them return the bits of the specification, which is
// computed here again from unpacked codes with int64 sums; and these lie where a simulation in floats of the same codes lies.
#include <cmath>

#include "linear/int8/activations_case.h"
#include "linear/int8/weight.h"
#include "linear/linear_case.h"
#include "linear/qrazor/qrazor_case.h"
#include "linear/saved_case.h"

namespace {

using namespace qw_test;

constexpr int64_t kCounts[] = {1, 2, 3, 4, 5, 7, 9, 12, 13, 25, 40};

// [m, rows] in f64 from codes, and what a float simulation of fake-quantized weights and activations gives.
void product_of_codes(const AffineCase& test, const qw_activations& activations, const float* x, int64_t ldx, int64_t m, const float* bias, std::vector<double>* wanted,
              std::vector<double>* bound, int64_t* largest) {
  const int64_t rows = test.shape.rows, cols = test.shape.cols;
  for (int64_t i = 0; i < m; ++i) {
    const Simulated q = simulate(activations, x + i * ldx, cols);
    const int byte = q.low + (1 << (activations.bits - 1));  // what lies as 0 in memory: rounding errors scale with the distance from it
    for (int64_t row = 0; row < rows; ++row) {
      double sum = 0, size = 0;
      std::vector<int64_t> exact(size_t(test.groups), 0);
      for (int64_t k = 0; k < cols; ++k) {
        const double w = (double(test.shape.is_signed ? test.codes[size_t(row * cols + k)] : uint8_t(test.codes[size_t(row * cols + k)])) -
                          double(test.zero[size_t(row * test.groups + test.group(k))])) * double(test.scale[size_t(row * test.groups + test.group(k))]);
        sum += w * (double(q.codes[size_t(k)]) - q.zero);
        size += double(test.largest_weight(row, k)) * (std::fabs(double(q.codes[size_t(k)] - byte)) + std::fabs(q.zero - byte));
        exact[size_t(test.group(k))] += (test.shape.is_signed ? int64_t(test.codes[size_t(row * cols + k)]) : int64_t(uint8_t(test.codes[size_t(row * cols + k)]))) * (q.codes[size_t(k)] - byte);
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

// All levels have the bits of the first one (serial).
std::vector<float> same_on_every_level(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float* bias, int64_t* differing) {
  std::vector<float> first;
  every_level([&](qw_simd level) {
    const Product got(weight, x, ldx, m, bias);
    if (first.empty()) first = got.y;
    const bool same = std::memcmp(first.data(), got.y.data(), got.y.size() * sizeof(float)) == 0;
    if (!same && *differing < 3) std::printf("  %s differs from serial with %lld rows\n", qw_simd_name(level), (long long)m);
    *differing += !same;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t pad = got.rows; pad < got.ldy; ++pad) *differing += got.y[size_t(i * got.ldy + pad)] != 12345.0f;
    }
  });
  return first;
}

void check_affine(const AffineCase& test, const qw_activations& activations, const std::vector<float>& x, int64_t ldx, const std::vector<int64_t>& counts,
                  const float* bias, const char* what) {
  qw_weight* weight = packed_affine(test, activations);
  if (weight == nullptr) return;
  std::vector<float> dequantized(test.codes.size());
  weight->codec->dequantize(weight, 0, weight->rows, dequantized.data());
  int64_t differing = 0, largest = 0;
  for (size_t i = 0; i < dequantized.size(); ++i) differing += dequantized[i] != test.weight(int64_t(i) / test.shape.cols, int64_t(i) % test.shape.cols);
  double worst = 0;
  for (const int64_t m : counts) {
    std::vector<double> wanted, bound;
    product_of_codes(test, activations, x.data(), ldx, m, bias, &wanted, &bound, &largest);
    const std::vector<float> y = same_on_every_level(weight, x.data(), ldx, m, bias, &differing);
    worst = std::max(worst, worst_error(y.data(), weight->rows + 3, weight->rows, m, wanted, bound));
  }
  CHECK(differing == 0);
  CHECK(worst < 5e-7);
  std::printf("  %s %s %s: largest |sum| %lld, error %.2g, %.3f bits\n", weight->codec->name, what, test.shape.name().c_str(), (long long)largest, worst,
              double(weight->bytes) * 8 / double(weight->rows * weight->cols));
  qw_weight_free(weight);
}

qw_activations razored(int bits, int base_bits, int group_size, bool original = false) {
  qw_activations made{};
  made.kind = QW_ACTIVATION_RAZORED;
  made.bits = bits;
  made.base_bits = base_bits;
  made.group_size = group_size;
  made.original = original;
  return made;
}

void check_random(Random& random) {
  const int64_t shapes[][3] = {{33, 172, 32}, {1, 1, 1}, {16, 200, 64}, {50, 33, 16}, {48, 384, 128}, {17, 1030, 100}, {40, 96, 96}, {20, 257, 7}, {70, 688, 5}};
  const std::vector<qw_activations> kinds = every_rule({8, 6, 4});
  int which = 0;
  for (const auto& s : shapes) {
    for (const int bits : {8, 4, 3, 2}) {
      for (const bool order : {false, true}) {
        if (bits == 8 && s[1] == s[2] && !order) continue;  // codec w8a8
        const AffineCase test({s[0], s[1], s[2], bits, which % 2 == 0, order, which % 3 == 0, qw_type(which % 3)}, random);
        const int64_t ldx = s[1] + 1;
        const std::vector<float> x = random.vector(size_t(40 * ldx)), bias = random.vector(size_t(s[0]));
        const std::vector<int64_t> counts = which % 5 == 0 ? std::vector<int64_t>(std::begin(kCounts), std::end(kCounts)) : std::vector<int64_t>{1, 6, 13};
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
        check_affine(test, token_activations(QW_ACTIVATION_DASHINFER, 8, true), x, 4099, {1, 4, 13}, nullptr, "saturating");
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
    for (const qw_activations& kind : {token_activations(QW_ACTIVATION_DASHINFER, 8, true), token_activations(QW_ACTIVATION_AFFINE, 8, false)}) {
      check_affine(test, kind, x, 300, {1, 2, 3, 4, 6}, bias.data(), "extremes");
    }
    qw_weight* weight = packed_affine(test, token_activations(QW_ACTIVATION_DASHINFER, 8, true));
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
      qw_weight* weight = packed_affine(test, token_activations(QW_ACTIVATION_DASHINFER, 8, true));
      if (weight == nullptr) return;
      every_level([&](qw_simd) {
        const Product got(weight, x.data(), 300, 14, nullptr);
        for (int64_t i = 0; i < 14; ++i) {
          for (int64_t row = 0; row < 37; ++row) {
            int64_t sum = 0;
            for (int64_t k = 0; k < 300; ++k) {
              sum += (test.codes[size_t(row * 300 + k)] - int64_t(test.zero[size_t(row * test.groups + test.group(k))])) * int64_t(x[size_t(i * 300 + k)]);
            }
            CHECK(got.y[size_t(i * got.ldy + row)] == float(sum));
          }
        }
      });
      qw_weight_free(weight);
    }
  }
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
  for (int64_t k = 0; k < test.cols; ++k) x[size_t(k)] = 0, x[size_t(2 * ldx + k)] = k % 2 ? -3.0f : 3.0f, x[size_t(3 * ldx + k)] *= std::exp2(float(k % 19));
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
        const int64_t product = int64_t(test.codes[size_t(row * test.cols + k)]) * (int64_t(1) << test.shift(row, k)) * q.values[size_t(k)];
        sum += product;
        size += double(std::llabs(product)) + std::fabs(double(test.codes[size_t(row * test.cols + k)]) * double(1 << test.shift(row, k)) * double(2 * q.zero));
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
  std::printf("  qrazor_int8 %-44s x %d of %d g%d: error %.2g, %.3f bits\n", test.name().c_str(), activations.bits, activations.base_bits, activations.group_size, worst,
              double(weight->bytes) * 8 / double(test.rows * test.cols));
  qw_weight_free(weight);
}

void check_all_razored(Random& random) {
  for (const int bits : {3, 4, 8}) {
    for (const int base_bits : {8, 16}) {
      for (const int group : {8, 16, 32, 128}) {
        for (const int x_bits : {4, 8}) {
          const int x_group = group == 128 ? 32 : group == 8 ? 16 : group, base = bits == 3 ? 8 : 16;
          const int64_t cols = std::max(group, x_group) * random.integer(1, 5);
          check_razored(QrazorCase(random.integer(1, 40), cols, group, bits, base_bits, false, random), razored(x_bits, base, x_group, group == 16 && bits != 3), random);
        }
        check_razored(QrazorCase(random.integer(1, 150), 8 * random.integer(1, 30), group, bits, base_bits, true, random), razored(8, 16, 8), random);
        check_razored(QrazorCase(random.integer(1, 50), random.integer(1, 300), group, bits, base_bits, true, random), token_activations(bits == 4 ? QW_ACTIVATION_AFFINE : QW_ACTIVATION_DASHINFER, 8, bits != 4), random);
      }
    }
  }
}

void check_not_finite(Random& random) {
  const AffineCase test({20, 64, 16, 4, true, false, false, QW_F32}, random);
  const QrazorCase razor_test(20, 64, 16, 4, 8, false, random);
  const qw_qrazor_stored stored = razor_test.stored();
  const qw_activations kind = razored(8, 16, 16);
  qw_weight* weights[2] = {packed_affine(test, token_activations(QW_ACTIVATION_DASHINFER, 8, true)), nullptr};
  CHECK_OK(qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weights[1]));
  std::vector<float> x = random.vector(3 * 64);
  x[7] = NAN;
  x[64 + 39] = INFINITY;
  for (qw_weight* weight : weights) {
    every_level([&](qw_simd) {
      const Product got(weight, x.data(), 64, 3, nullptr);
      for (int row = 0; row < 20; ++row) CHECK(std::isnan(got.y[size_t(row)]) && std::isnan(got.y[size_t(got.ldy + row)]) && std::isfinite(got.y[size_t(2 * got.ldy + row)]));
    });
    qw_weight_free(weight);
  }
}

void check_refusals(Random& random) {
  const AffineCase test({4, 64, 8, 4, true, false, false, QW_F32}, random);
  qw_affine affine = test.affine();
  qw_weight* weight = nullptr;
  qw_activations kind = razored(8, 16, 16);
  CHECK_FAILS(qw_weight_int8(&affine, 4, &kind, qw_pool_shared(), &weight), QW_UNSUPPORTED, "those need weights of qrazor");
  const QrazorCase razor_test(4, 48, 16, 4, 8, false, random);
  const qw_qrazor_stored stored = razor_test.stored();
  kind.group_size = 32;
  CHECK_FAILS(qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weight), QW_UNSUPPORTED, "groups of 32, which do not divide 48 columns");
  kind.group_size = 24;
  CHECK_FAILS(qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "groups of 8, 16, 32, 64 or 128 columns, not 24");
  kind = {};
  kind.kind = QW_ACTIVATION_OUTLIERS;
  kind.bits = 8;
  CHECK_FAILS(qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weight), QW_UNSUPPORTED, "a rule without outliers");
  CHECK(weight == nullptr);
}

// A weight that was saved computes the same, and one whose form was changed is refused.
void check_saved(qw_weight* packed, Random& random) {
  Aligned bytes(qw_saved_bytes(packed));
  CHECK_OK(qw_weight_save(packed, append, &bytes));
  qw_weight* restored = nullptr;
  CHECK_OK(qw_weight_restore(bytes.data(), bytes.length, &restored));
  if (restored == nullptr) return;
  CHECK(restored->bytes == packed->bytes && restored->codec == packed->codec);
  const std::vector<float> x = random.vector(size_t(13 * packed->cols));
  const Product wanted(packed, x.data(), packed->cols, 13, nullptr), got(restored, x.data(), packed->cols, 13, nullptr);
  CHECK(std::memcmp(wanted.y.data(), got.y.data(), got.y.size() * sizeof(float)) == 0);
  qw_weight_free(restored);
  restored = nullptr;
  for (size_t length = 0; length < bytes.length; length += length < 300 ? 50 : 64) CHECK(qw_weight_restore(bytes.data(), length, &restored).code != QW_OK);
  qw_weight_free(packed);
}

void check_all_saved(Random& random) {
  for (const bool order : {false, true}) {
    check_saved(packed_affine(AffineCase({33, 100, 32, 4, true, order, false, QW_F16}, random), token_activations(QW_ACTIVATION_DASHINFER, 8, true)), random);
    check_saved(packed_affine(AffineCase({33, 100, 32, 8, false, order, true, QW_F32}, random), tensor_activations(8, 0.1f, 90)), random);
  }
  for (const bool outputs : {false, true}) {
    for (const int base_bits : {8, 16}) {
      const QrazorCase test(33, 96, 16, 4, base_bits, outputs, random);
      const qw_qrazor_stored stored = test.stored();
      const qw_activations kind = razored(4, 16, 32);
      qw_weight* weight = nullptr;
      CHECK_OK(qw_weight_qrazor_int8(&stored, &kind, qw_pool_shared(), &weight));
      if (weight != nullptr) check_saved(weight, random);
    }
  }
}

}  // namespace

int main() {
  qw_test::Random random(48);
  check_random(random);
  check_adversarial(random);
  check_exact(random);
  check_all_razored(random);
  check_not_finite(random);
  check_refusals(random);
  check_all_saved(random);
  return qw_test::finish("linear/w4a8");
}
