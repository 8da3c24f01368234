#include "activate/activate.h"

#include "testing/check.h"

using namespace qw_test;

static const char* const kNames[QW_ACTIVATION_COUNT] = {"relu", "gelu", "gelu_tanh", "softcap", "scale"};

static void every_level_agrees_with_serial(qw_activation kind, int64_t count, float deviation, bool gated) {
  Random random{uint64_t(count) * 16 + kind};
  const std::vector<float> x = random.vector(size_t(count), deviation), up = random.vector(size_t(count));
  std::vector<float> wanted;
  every_level([&](qw_simd level) {
    std::vector<float> out = x;  // in place
    qw_activate(kind, out.data(), gated ? up.data() : nullptr, 30.0f, out.data(), count, qw_pool_shared());
    if (level == QW_SIMD_SERIAL) {
      wanted = out;
      return;
    }
    double worst = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      // Against the size of the input: in the far left tail of gelu the answer is many powers smaller than anything added to it.
      const double size = std::fabs(double(wanted[i])) + 1e-3 * std::fabs(double(x[i]) * (gated ? double(up[i]) : 1.0));
      if (size > 0) worst = std::max(worst, std::fabs(double(out[i]) - double(wanted[i])) / size);
      CHECK(std::isfinite(out[i]));
    }
    std::printf("%s %s %lld, deviation %g: %.2g\n", qw_simd_name(level), kNames[kind], (long long)count, deviation, worst);
    CHECK(worst < 2e-6);
  });
}

static void extremes_are_the_limits() {
  const std::vector<float> x = {-INFINITY, -1e30f, -50.0f, 0.0f, 50.0f, 1e30f, INFINITY, NAN};
  every_level([&](qw_simd) {
    for (int kind = 0; kind < QW_ACTIVATION_COUNT; ++kind) {
      std::vector<float> out(x.size());
      qw_activate(qw_activation(kind), x.data(), nullptr, 30.0f, out.data(), int64_t(x.size()), qw_pool_shared());
      CHECK(std::isnan(out[7]));
      CHECK(out[3] == 0.0f);
      if (kind == QW_SOFTCAP) {
        CHECK(out[0] == -30.0f && out[1] == -30.0f && out[5] == 30.0f && out[6] == 30.0f);
        CHECK(out[4] > 27.9f && out[4] < 28.0f);
      } else if (kind == QW_SCALE) {
        CHECK(out[4] == 1500.0f);
      } else {
        CHECK(std::fabs(out[1]) < 1e-20f && std::fabs(out[2]) < 1e-20f);
        CHECK(out[4] == 50.0f && out[5] == 1e30f && std::isinf(out[6]));
      }
    }
  });
}

int main() {
  for (int kind = 0; kind < QW_ACTIVATION_COUNT; ++kind) {
    for (int64_t count : {1, 7, 16, 17, 1024, 20011}) every_level_agrees_with_serial(qw_activation(kind), count, 2.0f, count % 2 == 0);
    every_level_agrees_with_serial(qw_activation(kind), 5000, 30.0f, false);
  }
  extremes_are_the_limits();
  return finish("activate");
}
