#include "silu_mul/silu_mul.h"

#include "testing/check.h"

using namespace qw_test;

static void every_level_agrees_with_serial(int64_t count, float deviation) {
  Random random{uint64_t(count)};
  const std::vector<float> gate = random.vector(size_t(count), deviation), up = random.vector(size_t(count));
  std::vector<float> wanted;
  every_level([&](qw_simd level) {
    std::vector<float> out = gate;  // in place
    qw_silu_mul(out.data(), up.data(), out.data(), count, qw_pool_shared());
    if (level == QW_SIMD_SERIAL) {
      wanted = out;
      return;
    }
    const Errors errors = compare(out.data(), wanted.data(), out.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s %lld, deviation %g", qw_simd_name(level), (long long)count, deviation);
    errors.print(name);
    CHECK(errors.not_finite == 0);
    CHECK(errors.max_rel < 1e-6);
  });
}

static void extremes_are_the_limits_of_silu() {
  const std::vector<float> gate = {-INFINITY, -1e30f, -200.0f, -100.0f, 0.0f, 100.0f, 1e30f, INFINITY, NAN};
  const std::vector<float> up(gate.size(), 1.0f);
  every_level([&](qw_simd) {
    std::vector<float> out(gate.size());
    qw_silu_mul(gate.data(), up.data(), out.data(), int64_t(gate.size()), qw_pool_shared());
    for (size_t i = 1; i < 4; ++i) CHECK(out[i] <= 0.0f && out[i] > -1e-30f);
    CHECK(out[4] == 0.0f);
    CHECK(out[5] == 100.0f);
    CHECK(out[6] == 1e30f);
    CHECK(std::isinf(out[7]));
    CHECK(std::isnan(out[8]));
  });
}

int main() {
  for (int64_t count : {1, 7, 8, 15, 16, 17, 1024, 100003}) every_level_agrees_with_serial(count, 2.0f);
  every_level_agrees_with_serial(5000, 12.0f);
  extremes_are_the_limits_of_silu();
  return finish("silu_mul");
}
