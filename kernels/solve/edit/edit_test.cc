#include "solve/edit/edit.h"

#include "linear/float16.h"
#include "testing/check.h"

using namespace qw_test;

namespace {

qw_dense dense_f32(const std::vector<float>& values, int64_t cols) {
  return {QW_F32, int64_t(values.size()) / cols, cols, values.data()};
}

void check_edit(Random& random, int64_t rows, int64_t cols, int64_t group_size) {
  const std::vector<float> w = random.vector(size_t(rows * cols)), columns = random.vector(size_t(cols)), by = random.vector(size_t(rows));
  const int64_t size = group_size == -1 ? cols : group_size, groups = (cols + size - 1) / size;
  std::vector<float> clip = random.vector(size_t(rows * groups), 0.5f);
  for (float& limit : clip) limit = std::fabs(limit);
  std::vector<float> low = clip;
  for (float& limit : low) limit *= -0.5f;
  const qw_dense source = dense_f32(w, cols);
  const qw_edit edit = {columns.data(), by.data(), clip.data(), low.data(), group_size};
  std::vector<float> wanted(w.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const float limit = clip[size_t(r * groups + c / size)], value = w[size_t(r * cols + c)] * columns[size_t(c)] * by[size_t(r)];
      wanted[size_t(r * cols + c)] = std::min(std::max(value, -0.5f * limit), limit);
    }
  }
  every_level([&](qw_simd) {
    std::vector<float> got(w.size());
    CHECK_OK(qw_edit_matrix(&source, &edit, 0, rows, qw_pool_shared(), got.data()));
    CHECK(got == wanted);
    // In bands it is the same.
    std::vector<float> banded;
    for (int64_t first = 0; first < rows; first += 3) {
      const int64_t count = std::min<int64_t>(3, rows - first);
      std::vector<float> band(size_t(count * cols));
      CHECK_OK(qw_edit_matrix(&source, &edit, first, count, qw_pool_shared(), band.data()));
      banded.insert(banded.end(), band.begin(), band.end());
    }
    CHECK(banded == wanted);
  });
  const qw_edit nothing = {nullptr, nullptr, nullptr, nullptr, -1};
  std::vector<float> same(w.size());
  CHECK_OK(qw_edit_matrix(&source, &nothing, 0, rows, qw_pool_shared(), same.data()));
  CHECK(same == w);
  CHECK_FAILS(qw_edit_matrix(&source, &nothing, 1, rows, qw_pool_shared(), same.data()), QW_INVALID_ARGUMENT, "rows 1 to");
}

void check_statistics(Random& random, int64_t rows, int64_t cols) {
  std::vector<float> w = random.vector(size_t(rows * cols));
  const qw_dense source = dense_f32(w, cols);
  std::vector<float> largest(size_t(cols), 0.0f);
  std::vector<double> mean(size_t(cols), 0.0);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const float value = std::fabs(w[size_t(r * cols + c)]);
      largest[size_t(c)] = std::max(largest[size_t(c)], value);
      mean[size_t(c)] += double(value) / double(rows);
    }
  }
  every_level([&](qw_simd) {
    std::vector<float> got(static_cast<size_t>(cols));
    CHECK_OK(qw_column_magnitudes(&source, QW_COLUMN_MAX, qw_pool_shared(), got.data()));
    CHECK(got == largest);
    CHECK_OK(qw_column_magnitudes(&source, QW_COLUMN_MEAN, qw_pool_shared(), got.data()));
    CHECK(compare(got.data(), mean.data(), got.size()).max_rel < 1e-6);
  });
  std::vector<float> other = random.vector(w.size());
  double error = 0;
  for (size_t i = 0; i < w.size(); ++i) error += (double(w[i]) - double(other[i])) * (double(w[i]) - double(other[i])) / double(w.size());
  CHECK(std::fabs(qw_mean_squared_error(w.data(), other.data(), int64_t(w.size()), qw_pool_shared()) / error - 1) < 1e-12);
  w[size_t(cols)] = NAN;
  std::vector<float> got(static_cast<size_t>(cols));
  CHECK_OK(qw_column_magnitudes(&source, QW_COLUMN_MAX, qw_pool_shared(), got.data()));
  CHECK(std::isnan(got[0]) && !std::isnan(got[1]));
}

void check_ranges(Random& random, int64_t rows, int64_t cols, int64_t group_size) {
  const std::vector<float> w = random.vector(size_t(rows * cols));
  const qw_dense source = dense_f32(w, cols);
  const int64_t size = group_size == -1 ? cols : group_size, groups = (cols + size - 1) / size;
  std::vector<float> least(size_t(rows * groups), 0.0f), most = least;
  for (int64_t i = 0; i < rows * cols; ++i) {
    const size_t at = size_t(i / cols * groups + i % cols / size);
    least[at] = std::min(least[at], w[size_t(i)]);
    most[at] = std::max(most[at], w[size_t(i)]);
  }
  every_level([&](qw_simd) {
    std::vector<float> low(least.size()), high(least.size());
    CHECK_OK(qw_group_ranges(&source, group_size, qw_pool_shared(), low.data(), high.data()));
    CHECK(low == least && high == most);
  });
}

}  // namespace

int main() {
  Random random(17);
  for (int64_t cols : {1, 7, 128, 300}) {
    for (int64_t group_size : {-1, 5, 128}) check_edit(random, 10, cols, group_size);
  }
  for (int64_t cols : {2, 255, 256, 700}) check_statistics(random, 33, cols);
  for (int64_t group_size : {-1, 1, 32, 300}) check_ranges(random, 11, 700, group_size);
  return finish("solve/edit");
}
