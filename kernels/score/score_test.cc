#include "score/score.h"

#include "testing/check.h"

using namespace qw_test;

static void every_level_matches_f64(int64_t rows, int64_t width, float deviation) {
  Random random{uint64_t(width)};
  const std::vector<float> logits = random.vector(size_t(rows * width), deviation);
  std::vector<int32_t> targets;
  std::vector<double> wanted;
  for (int64_t r = 0; r < rows; ++r) {
    targets.push_back(int32_t(random.integer(0, width - 1)));
    const float* row = &logits[size_t(r * width)];
    const double top = *std::max_element(row, row + width);
    double sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += std::exp(double(row[i]) - top);
    wanted.push_back(top + std::log(sum) - double(row[targets.back()]));
  }
  every_level([&](qw_simd level) {
    std::vector<double> nll(static_cast<size_t>(rows));
    qw_score(logits.data(), rows, width, targets.data(), nll.data(), qw_pool_shared());
    const Errors errors = compare(nll.data(), wanted.data(), nll.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s [%lld, %lld]", qw_simd_name(level), (long long)rows, (long long)width);
    errors.print(name);
    CHECK(errors.not_finite == 0);
    CHECK(errors.max_abs < 1e-6);
  });
}

static void not_a_number_is_not_hidden() {
  every_level([](qw_simd) {
    for (size_t at : {size_t(0), size_t(20), size_t(36)}) {
      std::vector<float> logits(37, 1.0f);
      logits[at] = NAN;
      const int32_t target = 5;
      double nll = 0;
      qw_score(logits.data(), 1, 37, &target, &nll, qw_pool_shared());
      CHECK(std::isnan(nll));
    }
  });
}

int main() {
  for (int64_t width : {1, 5, 16, 33, 8192}) every_level_matches_f64(9, width, 3.0f);
  every_level_matches_f64(2, 32000, 20.0f);
  not_a_number_is_not_hidden();
  return finish("score");
}
