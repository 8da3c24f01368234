#include "rope/rope.h"

#include "testing/check.h"

using namespace qw_test;

static std::vector<float> frequencies(int64_t half) {
  std::vector<float> values;
  for (int64_t i = 0; i < half; ++i) values.push_back(float(std::pow(10000.0, -double(i) / double(half))));
  return values;
}

static void every_level_is_the_complex_rotation(int64_t rows, int64_t heads, int64_t head_dim, int64_t first, int64_t half, int64_t step = 1) {
  const std::vector<float> inverse = frequencies(half);
  Random random(uint64_t(rows * 1000 + head_dim));
  const std::vector<float> x = random.vector(size_t(rows * heads * head_dim));
  const float scale = 0.75f;
  std::vector<int64_t> positions;
  for (int64_t r = 0; r < rows; ++r) positions.push_back(first + r * step);
  std::vector<double> wanted(x.begin(), x.end());  // what is not rotated stays
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = double(float(positions[size_t(r)]) * inverse[size_t(i)]);
        const size_t at = size_t((r * heads + h) * head_dim + i);
        wanted[at] = scale * (x[at] * std::cos(angle) - x[at + size_t(half)] * std::sin(angle));
        wanted[at + size_t(half)] = scale * (x[at + size_t(half)] * std::cos(angle) + x[at] * std::sin(angle));
      }
    }
  }
  every_level([&](qw_simd level) {
    std::vector<float> table(size_t(rows * 2 * half)), out = x;
    qw_rope_table(inverse.data(), half, positions.data(), rows, scale, table.data(), qw_pool_shared());
    qw_rope(out.data(), rows, heads, head_dim, half, table.data(), qw_pool_shared());
    const Errors errors = compare(out.data(), wanted.data(), out.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s %lld heads of %lld at %lld", qw_simd_name(level), (long long)heads, (long long)head_dim, (long long)first);
    errors.print(name);
    CHECK(errors.max_abs < 1e-6 * 4);
  });
}

int main() {
  for (int64_t head_dim : {2, 6, 16, 34, 64, 80, 128}) every_level_is_the_complex_rotation(3, 2, head_dim, 0, head_dim / 2);
  every_level_is_the_complex_rotation(100, 6, 64, 517, 32);
  every_level_is_the_complex_rotation(2, 1, 64, 131071, 32);
  every_level_is_the_complex_rotation(9, 2, 32, 700, 16, -83);  // rows of several sequences
  for (int64_t half : {1, 4, 8, 10, 20}) every_level_is_the_complex_rotation(5, 3, 80, 40, half);  // partial
  return finish("rope");
}
