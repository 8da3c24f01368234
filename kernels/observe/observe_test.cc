#include "observe/observe.h"
#include "observe/triangle.h"

#include "testing/check.h"

using namespace qw_test;

static void absmax_is_exact(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 7 + width));
  const std::vector<float> x = random.vector(size_t(rows * width));
  std::vector<float> wanted(size_t(width), 0.25f);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) wanted[size_t(i)] = std::max(wanted[size_t(i)], std::fabs(x[size_t(r * width + i)]));
  }
  every_level([&](qw_simd) {
    std::vector<float> running(size_t(width), 0.25f);
    qw_absmax(x.data(), rows, width, running.data(), qw_pool_shared());
    CHECK(running == wanted);
  });
}

static void absmax_keeps_what_is_not_finite() {
  every_level([](qw_simd) {
    std::vector<float> running(40, 0.0f), x(40, -3.0f);
    x[1] = -INFINITY;
    x[20] = NAN;
    qw_absmax(x.data(), 1, 40, running.data(), qw_pool_shared());
    std::fill(x.begin(), x.end(), 5.0f);
    qw_absmax(x.data(), 1, 40, running.data(), qw_pool_shared());
    CHECK(running[0] == 5.0f);
    CHECK(std::isinf(running[1]));
    CHECK(std::isnan(running[20]));
  });
}

static void hessian_is_the_gram_matrix(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 13 + width));
  const std::vector<float> x = random.vector(size_t(rows * width));
  std::vector<double> wanted(size_t(width * width), 1.0);
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      for (int64_t r = 0; r < rows; ++r) wanted[size_t(i * width + j)] += double(x[size_t(r * width + i)]) * double(x[size_t(r * width + j)]);
    }
  }
  every_level([&](qw_simd level) {
    std::vector<float> triangle(size_t(qw_hessian_size(width))), scratch(size_t(qw_hessian_scratch(rows, width)));
    std::vector<float> gram(size_t(width * width), 1.0f);
    qw_hessian_pack(gram.data(), width, triangle.data());
    qw_hessian(x.data(), rows, width, triangle.data(), scratch.data(), qw_pool_shared());
    qw_hessian_unpack(triangle.data(), width, gram.data());
    CHECK(qw_hessian_not_finite(triangle.data(), width) == -1);
    triangle[size_t(qw::symmetric_at(width, width - 1, width - 1))] = INFINITY;
    CHECK(qw_hessian_not_finite(triangle.data(), width) == width - 1);
    const Errors errors = compare(gram.data(), wanted.data(), gram.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s hessian of [%lld, %lld]", qw_simd_name(level), (long long)rows, (long long)width);
    errors.print(name);
    CHECK(errors.normalised() < 1e-6);
  });
}

int main() {
  for (int64_t width : {1, 9, 16, 100, 1024}) absmax_is_exact(37, width);
  absmax_is_exact(1, 5000);
  absmax_keeps_what_is_not_finite();
  for (int64_t width : {1, 8, 31, 33, 100, 160}) hessian_is_the_gram_matrix(65, width);
  hessian_is_the_gram_matrix(256, 200);
  return finish("observe");
}
