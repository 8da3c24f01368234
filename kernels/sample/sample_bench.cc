// Microseconds a token: logits as of a model that is fairly sure (normal, deviation 3), restored by a copy that is timed alone and subtracted.
#include <chrono>

#include "sample/sample.h"
#include "testing/check.h"

namespace {

double median_us(int64_t width, const std::vector<float>& logits, qw_sampler* sampler) {
  std::vector<float> row(logits.size());
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    std::copy(logits.begin(), logits.end(), row.begin());
    int32_t token = 0;
    const auto begin = std::chrono::steady_clock::now();
    if (sampler != nullptr && qw_sampler_next(sampler, row.data(), nullptr, &token).code != QW_OK) return -1;
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() * 1e6);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main() {
  struct Case {
    const char* name;
    double temperature;
    int64_t top_k;
    double top_p, min_p;
  };
  const Case cases[] = {{"greedy", 0, 0, 1, 0},           {"temperature", 1, 0, 1, 0},    {"top-k 40, top-p 0.95", 1, 40, 0.95, 0},
                        {"top-p 0.95", 1, 0, 0.95, 0}, {"min-p 0.05", 1, 0, 1, 0.05}};
  std::printf("%s; median us a token\n", qw_simd_name(qw_simd_level()));
  for (const int64_t width : {32000, 128256, 256000}) {
    const std::vector<float> logits = qw_test::Random(5).vector(size_t(width), 3.0f);
    for (const Case& c : cases) {
      const qw_sampling sampling{width, c.temperature, c.top_k, c.top_p, c.min_p, 1, 0, 0, 1, nullptr, nullptr, 0};
      qw_sampler* sampler = nullptr;
      if (qw_sampler_create(&sampling, &sampler).code != QW_OK) return 1;
      std::printf("  %6lld  %-22s %8.1f\n", (long long)width, c.name, median_us(width, logits, sampler));
      qw_sampler_free(sampler);
    }
  }
}
