#include "layernorm/layernorm.h"

#include "testing/check.h"

using namespace qw_test;

static void every_level_agrees_with_serial(int64_t rows, int64_t width, float offset, bool biased) {
  Random random(uint64_t(rows * 100000 + width));
  std::vector<float> x = random.vector(size_t(rows * width), 3.0f);
  for (float& value : x) value += offset;
  const std::vector<float> weight = random.vector(size_t(width)), bias = random.vector(size_t(width));
  std::vector<float> wanted(x.size());
  every_level([&](qw_simd level) {
    std::vector<float> out = x;  // in place
    qw_layernorm(out.data(), rows, width, weight.data(), biased ? bias.data() : nullptr, 1e-5f, out.data(), qw_pool_shared());
    if (level == QW_SIMD_SERIAL) {
      wanted = out;
      return;
    }
    double worst = 0;
    for (size_t i = 0; i < out.size(); ++i) worst = std::max(worst, std::fabs(double(out[i]) - double(wanted[i])));
    std::printf("%s [%lld, %lld] offset %g: %.2g\n", qw_simd_name(level), (long long)rows, (long long)width, offset, worst);
    // An f32 mean is off by half a unit in its last place, which the row's own deviation of 3 divides.
    CHECK(worst < 4e-6 + 1e-7 * std::fabs(double(offset)));
  });
}

static void a_constant_row_gives_the_bias() {
  every_level([](qw_simd) {
    const std::vector<float> x(37, 5.0f), weight(37, 2.0f), bias(37, -1.5f);
    std::vector<float> out(37);
    qw_layernorm(x.data(), 1, 37, weight.data(), bias.data(), 1e-5f, out.data(), qw_pool_shared());
    for (float value : out) CHECK(value == -1.5f);
    std::vector<float> broken = x;
    broken[36] = NAN;
    qw_layernorm(broken.data(), 1, 37, weight.data(), nullptr, 1e-5f, out.data(), qw_pool_shared());
    CHECK(std::isnan(out[0]));
  });
}

int main() {
  for (int64_t width : {1, 7, 16, 17, 768, 1000, 4096}) every_level_agrees_with_serial(3, width, 0.0f, width % 2 == 0);
  every_level_agrees_with_serial(200, 384, 0.0f, true);
  every_level_agrees_with_serial(5, 768, 1000.0f, true);
  a_constant_row_gives_the_bias();
  return finish("layernorm");
}
