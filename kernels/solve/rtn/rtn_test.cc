// Codes: every level against serial, bit for bit, over every dialect and option. Formulas: small matrices worked out by hand.
#include "solve/rtn/rtn.h"

#include <string>

#include "linear/float16.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

struct Rounded {
  qw_status status = qw_ok();
  int is_signed = 0;
  int64_t groups = 0;
  std::vector<uint8_t> codes;
  std::vector<float> scale, zero;
  qw_rtn_result result{};

  int code(size_t i) const { return is_signed ? int(int8_t(codes[i])) : int(codes[i]); }
};

Rounded round_matrix(const qw_dense& source, const qw_rtn_options& options) {
  Rounded out;
  out.status = qw_rtn_plan(&options, source.rows, source.cols, &out.is_signed, &out.groups);
  if (out.status.code != QW_OK) return out;
  out.codes.resize(size_t(source.rows * source.cols));
  out.scale.resize(size_t(source.rows * out.groups));
  out.zero.resize(out.scale.size());
  out.status = qw_rtn(&source, &options, qw_pool_shared(), out.codes.data(), out.scale.data(), out.zero.data(), &out.result);
  return out;
}

Rounded round_values(const std::vector<float>& values, int64_t cols, qw_rtn_options options) {
  const qw_dense source = {QW_F32, int64_t(values.size()) / cols, cols, values.data()};
  return round_matrix(source, options);
}

qw_rtn_options options_of(qw_rtn_dialect dialect, int bits, int symmetric, int64_t group_size) {
  qw_rtn_options options{};
  options.dialect = dialect;
  options.bits = bits;
  options.symmetric = symmetric;
  options.group_size = group_size;
  return options;
}

void check_levels_agree(const qw_rtn_options& options, qw_type type, int64_t rows, int64_t cols, Random& random) {
  std::vector<char> stored(size_t(rows * cols * qw_type_bytes(type)) + 1);
  for (int64_t i = 0; i < rows * cols; ++i) {
    // Multiples of 1/16 now and then: ties and equal extremes.
    const float drawn = random.integer(0, 3) == 0 ? float(random.integer(-32, 32)) / 16.0f : float(random.uniform(-1, 1.5));
    qw_write_typed(type, stored.data() + 1, i, i < cols ? 0.25f : i < 2 * cols ? 0.0f : drawn);  // a constant row and a zero row
  }
  const qw_dense source = {type, rows, cols, stored.data() + 1};
  Rounded serial;
  every_level([&](qw_simd level) {
    const Rounded got = round_matrix(source, options);
    CHECK_OK(got.status);
    if (level == QW_SIMD_SERIAL) serial = got;
    CHECK(got.codes == serial.codes && got.scale == serial.scale && got.zero == serial.zero);
    CHECK(std::fabs(got.result.sqnr_db - serial.result.sqnr_db) < 1e-4 || got.result.sqnr_db == serial.result.sqnr_db);
    CHECK(got.result.not_finite_row == -1);
  });
  // The reported error is that of the returned codes and parameters.
  double noise = 0;
  const int64_t group_size = options.group_size == -1 ? cols : options.group_size;
  for (int64_t i = 0; i < rows * cols; ++i) {
    const size_t at = size_t(i / cols * serial.groups + i % cols / group_size);
    const float restored = (float(serial.code(size_t(i))) - serial.zero[at]) * serial.scale[at];
    noise += std::pow(double(qw_read_typed(type, stored.data() + 1, i)) - double(restored), 2);
  }
  CHECK(std::fabs(serial.result.mse * double(rows * cols) - noise) <= 1e-5 * noise + 1e-30);
}

void check_every_dialect(Random& random) {
  for (int dialect = QW_RTN_INSTANT_QUANT; dialect <= QW_RTN_ZEROQUANT; ++dialect) {
    for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8}) {
      if (bits == 1 && dialect != QW_RTN_ZEROQUANT) continue;
      if (dialect == QW_RTN_DASHINFER_CPU && bits != 8) continue;
      for (const int symmetric : {0, 1}) {
        if (dialect == QW_RTN_ZEROQUANT && bits <= 2 && !symmetric) continue;
        for (const int64_t group_size : {-1, 32, 7}) {
          qw_rtn_options options = options_of(qw_rtn_dialect(dialect), bits, symmetric, group_size);
          if (dialect == QW_RTN_INSTANT_QUANT || dialect == QW_RTN_DASHINFER_CPU) options.symmetric = 0, options.is_signed = symmetric;
          options.scale_type = qw_type(bits % 3);
          const bool searches = dialect == QW_RTN_IST || dialect == QW_RTN_QLLM || dialect == QW_RTN_INC;
          check_levels_agree(options, qw_type((bits + symmetric) % 3), 9, 100, random);
          if (!searches || group_size == 7) continue;
          options.mse = 1;
          options.full_range = dialect == QW_RTN_INC && symmetric;
          check_levels_agree(options, QW_F32, 5, 65, random);
        }
      }
    }
  }
}

void check_by_hand() {
  // ist 4 bit symmetric: scale 2 * absmax / 15, zero 8; +absmax rounds to 7.5 -> 8 and clamps.
  const Rounded ist = round_values({-1.5f, 0.0f, 0.1f, 1.5f}, 4, options_of(QW_RTN_IST, 4, 1, -1));
  CHECK(ist.scale[0] == 0.2f && ist.zero[0] == 8 && ist.codes == (std::vector<uint8_t>{0, 8, 8, 15}));
  // A row without negatives keeps 0 as its low end: half the scale, and it saturates.
  const Rounded saturated = round_values({0.0f, 0.75f, 1.5f}, 3, options_of(QW_RTN_IST, 4, 1, -1));
  CHECK(saturated.scale[0] == 0.1f && saturated.codes == (std::vector<uint8_t>{8, 15, 15}));
  // qllm 4 bit symmetric: absmax / 7.
  const Rounded qllm = round_values({-7.0f, 3.5f, 2.5f, 6.0f}, 4, options_of(QW_RTN_QLLM, 4, 1, -1));
  CHECK(qllm.scale[0] == 1 && qllm.code(0) == -7 && qllm.code(1) == 4 && qllm.code(2) == 2);  // ties to even
  // inc full range: the largest magnitude lands on -8, with a negative scale when it is positive.
  qw_rtn_options full = options_of(QW_RTN_INC, 4, 1, -1);
  full.full_range = 1;
  const Rounded inc = round_values({8.0f, -4.0f, -8.0f, 3.0f}, 2, full);
  CHECK(inc.scale[0] == -1 && inc.code(0) == -8 && inc.code(1) == 4 && inc.scale[1] == 1 && inc.code(2) == -8 && inc.code(3) == 3);
  // inc quantile clips.
  qw_rtn_options clipped = options_of(QW_RTN_INC, 8, 1, -1);
  clipped.quantile = 0.5f;
  CHECK(round_values({2.0f, 0.5f}, 2, clipped).scale[0] == 1.0f / 127.0f);
  // instant_quant: range not extended to 0, fractional zero; a constant group is exact.
  qw_rtn_options instant = options_of(QW_RTN_INSTANT_QUANT, 8, 0, -1);
  instant.is_signed = 1;
  const Rounded iq = round_values({1.0f, 1.5f, 2.0f, 3.0f, 3.0f, 3.0f}, 3, instant);
  CHECK(iq.scale[0] == 1.0f / 255.0f && iq.zero[0] == -128.0f - 1.0f / (1.0f / 255.0f) && iq.code(0) == -128 && iq.code(2) == 127);
  CHECK(iq.scale[1] == 1 && iq.zero[1] == -131 && iq.code(3) == -128);
  // awq: the range need not hold 0, but the zero is clamped.
  const Rounded awq = round_values({1.0f, 2.0f}, 2, options_of(QW_RTN_AWQ, 4, 0, -1));
  CHECK(awq.zero[0] == 0 && awq.scale[0] == 1.0f / 15.0f);
  // compressed-tensors: absmax / 7.5, signed.
  const Rounded ct = round_values({-7.5f, 7.5f, 3.4f}, 3, options_of(QW_RTN_COMPRESSED_TENSORS, 4, 1, -1));
  CHECK(ct.scale[0] == 1 && ct.code(0) == -8 && ct.code(1) == 7 && ct.code(2) == 3);
  // dashinfer_cpu: scale 1. int8 adds the unrounded zero -0.5, so 0.0 becomes round(-0.5) = -1 (away from zero), and the stored zero is -1 too.
  qw_rtn_options cpu = options_of(QW_RTN_DASHINFER_CPU, 8, 0, -1);
  cpu.is_signed = 1;
  const Rounded half = round_values({-127.5f, 127.5f, 0.0f, 1.0f}, 4, cpu);
  CHECK(half.scale[0] == 1 && half.zero[0] == -1 && half.code(0) == -128 && half.code(1) == 127 && half.code(2) == -1 && half.code(3) == 1);
  // Values of one sign: the zero is clamped and the codes saturate. A constant is kept.
  const Rounded positive = round_values({255.0f, 510.0f, 3.0f, 3.0f}, 2, cpu);
  CHECK(positive.zero[0] == -128 && positive.code(0) == 127 && positive.code(1) == 127);
  CHECK(std::fabs((float(positive.code(2)) - positive.zero[1]) * positive.scale[1] - 3.0f) < 1e-5f);
  // uint8: the zero is rounded first (127.5 -> 128), and the codes after it.
  cpu.is_signed = 0;
  const Rounded seed = round_values({-127.5f, 127.5f, 0.25f, 0.5f}, 4, cpu);
  CHECK(seed.zero[0] == 128 && seed.codes == (std::vector<uint8_t>{1, 255, 128, 129}));
  // zeroquant 4 bit symmetric: 2 * absmax / 16; +absmax loses a step. A zero row has scale 1.
  const Rounded zero_quant = round_values({-8.0f, 8.0f, 2.5f, 0.0f, 0.0f, 0.0f}, 3, options_of(QW_RTN_ZEROQUANT, 4, 1, -1));
  CHECK(zero_quant.scale[0] == 1 && zero_quant.code(0) == -8 && zero_quant.code(1) == 7 && zero_quant.code(2) == 2);
  CHECK(zero_quant.scale[1] == 1 && zero_quant.code(3) == 0);
  // Asymmetric: range / 16, codes counted from rint(100 / 1) steps; a constant is kept.
  const Rounded far = round_values({100.0f, 116.0f, 107.4f, 0.3f, 0.3f, 0.3f}, 3, options_of(QW_RTN_ZEROQUANT, 4, 0, -1));
  CHECK(far.scale[0] == 1 && far.zero[0] == -100 && far.codes[0] == 0 && far.codes[1] == 15 && far.codes[2] == 7);
  CHECK((float(far.codes[3]) - far.zero[1]) * far.scale[1] == 0.3f);
  // Ternary: threshold 0.7 * mean 2 = 1.4; alpha is the mean of 2, 4 and 3. A weight at the threshold is 0.
  const Rounded ternary = round_values({2.0f, -4.0f, 3.0f, -1.0f, 0.0f}, 5, options_of(QW_RTN_ZEROQUANT, 2, 1, -1));
  CHECK(ternary.scale[0] == 3 && ternary.code(0) == 1 && ternary.code(1) == -1 && ternary.code(2) == 1 && ternary.code(3) == 0 && ternary.code(4) == 0);
  // Binary: the mean of all magnitudes; 0 stays 0, also where all are.
  const Rounded binary = round_values({2.0f, -4.0f, 0.0f, 0.0f, 0.0f, 0.0f}, 3, options_of(QW_RTN_ZEROQUANT, 1, 1, -1));
  CHECK(binary.scale[0] == 2 && binary.code(0) == 1 && binary.code(1) == -1 && binary.code(2) == 0);
  CHECK(binary.scale[1] == 1 && binary.code(3) == 0);
  // The tail group only sees its own columns.
  const Rounded tail = round_values({7.0f, -7.0f, 70.0f}, 3, options_of(QW_RTN_QLLM, 4, 1, 2));
  CHECK(tail.groups == 2 && tail.scale[0] == 1 && tail.scale[1] == 10);
  CHECK(std::isinf(tail.result.sqnr_db) && tail.result.mse == 0);
}

void check_not_finite(Random& random) {
  std::vector<float> values = random.vector(200 * 33);
  values[150 * 33 + 20] = NAN;
  values[42 * 33 + 7] = -INFINITY;
  values[42 * 33 + 30] = NAN;
  every_level([&](qw_simd) {
    const Rounded got = round_values(values, 33, options_of(QW_RTN_QLLM, 4, 1, 16));
    CHECK_OK(got.status);
    CHECK(got.result.not_finite_row == 42 && got.result.not_finite_col == 7);
  });
}

void check_refusals() {
  const auto refuses = [](qw_rtn_options options, const std::vector<float>& values, qw_code code, const char* words) {
    CHECK_FAILS(round_values(values, int64_t(values.size()), options).status, code, words);
  };
  qw_rtn_options options = options_of(QW_RTN_QLLM, 4, 1, 5);
  refuses(options, {1, 2, 3}, QW_INVALID_ARGUMENT, "group_size 5 of a matrix with 3 columns");
  refuses(options_of(QW_RTN_QLLM, 9, 1, -1), {1, 2, 3}, QW_UNSUPPORTED, "9 bits");
  refuses(options_of(QW_RTN_QLLM, 1, 1, -1), {1, 2, 3}, QW_UNSUPPORTED, "1 bits");
  refuses(options_of(QW_RTN_ZEROQUANT, 2, 0, -1), {1, 2, 3}, QW_UNSUPPORTED, "symmetrically only");
  refuses(options_of(QW_RTN_INSTANT_QUANT, 8, 1, -1), {1, 2, 3}, QW_UNSUPPORTED, "asymmetric");
  refuses(options_of(QW_RTN_DASHINFER_CPU, 4, 0, -1), {1, 2, 3}, QW_UNSUPPORTED, "8-bit asymmetric");
  refuses(options_of(QW_RTN_DASHINFER_CPU, 8, 1, -1), {1, 2, 3}, QW_UNSUPPORTED, "8-bit asymmetric");
  options = options_of(QW_RTN_AWQ, 4, 1, -1);
  options.mse = 1;
  refuses(options, {1, 2, 3}, QW_UNSUPPORTED, "mse");
  options = options_of(QW_RTN_INC, 4, 0, -1);
  options.full_range = 1;
  refuses(options, {1, 2, 3}, QW_UNSUPPORTED, "full_range");
  options = options_of(QW_RTN_QLLM, 4, 1, -1);
  options.scale_type = QW_F16;
  refuses(options, {1e6f, 0.0f}, QW_UNSUPPORTED, "too large for f16");
}

}  // namespace

int main() {
  Random random(5);
  check_by_hand();
  check_every_dialect(random);
  check_not_finite(random);
  check_refusals();
  return finish("solve/rtn");
}
