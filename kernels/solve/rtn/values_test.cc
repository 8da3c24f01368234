#include "solve/rtn/values.h"

#include "testing/check.h"

using namespace qw_test;

// What qw_rtn's codes mean is what qw_rtn_values gives, to the bit, for every dialect and level.
static void values_are_those_of_the_codes(qw_rtn_options options, int64_t rows, int64_t cols) {
  Random random(uint64_t(rows * cols));
  const std::vector<float> w = random.vector(size_t(rows * cols));
  std::vector<float> column = random.vector(size_t(cols)), scaled = w;
  for (size_t i = 0; i < w.size(); ++i) scaled[i] = w[i] * column[i % size_t(cols)];
  int is_signed = 0;
  int64_t groups = 0;
  CHECK_OK(qw_rtn_plan(&options, rows, cols, &is_signed, &groups));
  const int64_t group_size = options.group_size == -1 ? cols : options.group_size;
  every_level([&](qw_simd) {
    std::vector<uint8_t> codes(w.size());
    std::vector<float> scale(size_t(rows * groups)), zero(scale.size()), got(w.size());
    qw_rtn_result result;
    const qw_dense dense{QW_F32, rows, cols, scaled.data()};
    CHECK_OK(qw_rtn(&dense, &options, qw_pool_shared(), codes.data(), scale.data(), zero.data(), &result));
    CHECK_OK(qw_rtn_values(w.data(), rows, cols, column.data(), &options, got.data(), qw_pool_shared()));
    int64_t wrong = 0;
    for (int64_t i = 0; i < rows * cols; ++i) {
      const size_t at = size_t(i / cols * groups + i % cols / group_size);
      const float code = is_signed ? float(int8_t(codes[size_t(i)])) : float(codes[size_t(i)]);
      wrong += got[size_t(i)] != (code - zero[at]) * scale[at];
    }
    CHECK(wrong == 0);
  });
}

int main() {
  qw_rtn_options options{};
  for (const qw_rtn_dialect dialect : {QW_RTN_ZEROQUANT, QW_RTN_INC}) {
    for (int bits : {2, 3, 4, 5, 6, 7, 8}) {
      for (int symmetric : {0, 1}) {
        if (dialect == QW_RTN_ZEROQUANT && bits == 2 && !symmetric) continue;
        for (int64_t group_size : {-1, 32, 7}) {
          options.dialect = dialect, options.bits = bits, options.symmetric = symmetric, options.group_size = group_size;
          values_are_those_of_the_codes(options, 5, 67);
        }
      }
    }
  }
  options.symmetric = 1, options.full_range = 1, options.group_size = 16;
  values_are_those_of_the_codes(options, 300, 130);
  options.full_range = 0, options.dialect = QW_RTN_COMPRESSED_TENSORS;
  values_are_those_of_the_codes(options, 3, 40);
  options.bits = 9;
  std::vector<float> out(4);
  CHECK_FAILS(qw_rtn_values(out.data(), 2, 2, nullptr, &options, out.data(), qw_pool_shared()), QW_UNSUPPORTED, "9 bits");
  return finish("rtn values");
}
