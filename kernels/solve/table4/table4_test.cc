// Codes against the nearest value found by comparing with all of them, in f64, and both tools' tables.
#include "solve/table4/table4.h"

#include "testing/check.h"

namespace {

using namespace qw_test;

struct Result {
  std::vector<uint8_t> codes;
  std::vector<float> scale;
  qw_rtn_result result{};
  int code(int64_t at) const { return at % 2 == 0 ? codes[size_t(at / 2)] >> 4 : codes[size_t(at / 2)] & 15; }
};

Result round(const std::vector<float>& w, int64_t rows, int64_t cols, const qw_table4_options& options) {
  int64_t groups = 0;
  CHECK_OK(qw_table4_plan(&options, rows, cols, &groups));
  Result out{std::vector<uint8_t>(size_t((rows * cols + 1) / 2)), std::vector<float>(size_t(rows * groups))};
  const qw_dense source = {QW_F32, rows, cols, w.data()};
  CHECK_OK(qw_table4_round(&source, &options, qw_pool_shared(), out.codes.data(), out.scale.data(), &out.result));
  return out;
}

void check_matrix(int64_t rows, int64_t cols, const qw_table4_options& options, Random& random) {
  std::vector<float> w = random.vector(size_t(rows * cols), 0.02f);
  for (int64_t i = 0; i < cols; ++i) w[size_t(i)] = 0;
  const Result got = round(w, rows, cols, options);
  float values[16];
  qw_table4_values(options.type, options.dialect, values);
  const int64_t group_size = options.group_size == -1 ? cols : options.group_size, groups = (cols + group_size - 1) / group_size;
  double squared = 0;
  int64_t wrong = 0;
  for (int64_t at = 0; at < rows * cols; ++at) {
    const double scale = double(got.scale[size_t(at / cols * groups + at % cols / group_size)]), weight = double(w[size_t(at)]);
    const double kept = double(values[got.code(at)]) * scale;
    double nearest = INFINITY;
    for (const float value : values) nearest = std::min(nearest, std::fabs(double(value) * scale - weight));
    wrong += std::fabs(kept - weight) > nearest + 1e-6 * scale;
    squared += (kept - weight) * (kept - weight);
    if (at < cols) wrong += kept != 0 || scale != 0;
  }
  CHECK(wrong == 0);
  CHECK(std::fabs(got.result.mse - squared / double(rows * cols)) <= 1e-5 * got.result.mse);
  if (options.mse) {
    qw_table4_options plain = options;
    plain.mse = 0;
    CHECK(got.result.mse <= round(w, rows, cols, plain).result.mse);
  } else {
    // The largest of a group is kept as it is.
    const float top = values[options.type == QW_NF4 || options.dialect == QW_TABLE4_INC ? 15 : 3];
    float absmax = 0;
    for (int64_t i = cols; i < cols + std::min(group_size, cols); ++i) absmax = std::max(absmax, std::fabs(w[size_t(i)]));
    CHECK(std::fabs(got.scale[size_t(groups)] * top - absmax) <= 1e-6f * absmax);
  }
}

}  // namespace

int main() {
  Random random(21);
  for (const qw_table4_type type : {QW_NF4, QW_FP4}) {
    for (const qw_table4_dialect dialect : {QW_TABLE4_INC, QW_TABLE4_BITSANDBYTES}) {
      for (const int64_t group : {-1, 8, 32, 64}) {
        check_matrix(7, 192, {type, dialect, group, 0, QW_F32}, random);
        check_matrix(4, 72, {type, dialect, group, dialect == QW_TABLE4_INC, QW_F32}, random);
        check_matrix(3, 65, {type, dialect, group, 0, QW_F32}, random);  // an odd number of codes
      }
    }
  }
  float values[16];
  qw_table4_values(QW_FP4, QW_TABLE4_BITSANDBYTES, values);
  const float wanted[16] = {0, 0.00520833333f, 0.6666667f, 1, 0.33333334f, 0.5f, 0.16666667f, 0.25f,
                            0, -0.00520833333f, -0.6666667f, -1, -0.33333334f, -0.5f, -0.16666667f, -0.25f};
  for (int i = 0; i < 16; ++i) CHECK(values[i] == wanted[i]);
  int64_t groups;
  qw_table4_options options = {QW_NF4, QW_TABLE4_BITSANDBYTES, 64, 1, QW_F32};
  CHECK_FAILS(qw_table4_plan(&options, 4, 128, &groups), QW_UNSUPPORTED, "only the dialect inc");
  options.mse = 0;
  CHECK_FAILS(qw_table4_plan(&options, 4, 32, &groups), QW_INVALID_ARGUMENT, "group_size 64");
  std::vector<float> w = random.vector(4 * 64);
  w[2 * 64 + 9] = INFINITY;
  const Result bad = round(w, 4, 64, options);
  CHECK(bad.result.not_finite_row == 2 && bad.result.not_finite_col == 9);
  return finish("solve/table4");
}
