#include "rmsnorm/rmsnorm.h"

#include "testing/check.h"

using namespace qw_test;

static void every_level_agrees_with_serial(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 100000 + width));
  const std::vector<float> x = random.vector(size_t(rows * width), 3.0f), weight = random.vector(size_t(width));
  std::vector<float> wanted(x.size());
  every_level([&](qw_simd level) {
    std::vector<float> out = x;  // in place
    qw_rmsnorm(out.data(), rows, width, weight.data(), 1e-5f, out.data(), qw_pool_shared());
    if (level == QW_SIMD_SERIAL) {
      wanted = out;
      return;
    }
    const Errors errors = compare(out.data(), wanted.data(), out.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s [%lld, %lld]", qw_simd_name(level), (long long)rows, (long long)width);
    errors.print(name);
    CHECK(errors.max_ulp <= 8);
    CHECK(errors.not_finite == 0);
  });
}

static void zeros_stay_zero_and_infinity_shows() {
  every_level([](qw_simd) {
    const std::vector<float> weight(40, 1.0f), zeros(40, 0.0f);
    std::vector<float> out(40, 7.0f);
    qw_rmsnorm(zeros.data(), 1, 40, weight.data(), 1e-6f, out.data(), qw_pool_shared());
    for (float value : out) CHECK(value == 0.0f);
    std::vector<float> broken(40, 1.0f);
    broken[39] = NAN;
    qw_rmsnorm(broken.data(), 1, 40, weight.data(), 1e-6f, out.data(), qw_pool_shared());
    CHECK(std::isnan(out[0]));
  });
}

int main() {
  for (int64_t width : {1, 7, 16, 17, 384, 1000, 4096}) every_level_agrees_with_serial(3, width);
  every_level_agrees_with_serial(200, 384);
  zeros_stay_zero_and_infinity_shows();
  return finish("rmsnorm");
}
