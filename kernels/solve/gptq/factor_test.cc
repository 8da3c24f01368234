// The factor against its definition, made in the place of the Hessian; permutations of a triangle against those of a whole matrix.
#include <cmath>
#include <numeric>

#include "observe/observe.h"
#include "solve/gptq/gptq_case.h"
#include "solve/gptq/permute.h"

namespace {

using namespace qw_test;

// The Hessian as the algorithm sees it: cleared dead columns, in order, damped.
std::vector<double> prepared(const std::vector<float>& hessian, int64_t width, const Factor& factor) {
  std::vector<double> h(hessian.begin(), hessian.end());
  double mean = 0;
  for (int64_t i = 0; i < width; ++i) {
    if (h[size_t(i * width + i)] == 0) h[size_t(i * width + i)] = 1;
    mean += h[size_t(i * width + i)] / double(width);
  }
  std::vector<double> out(h.size());
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) out[size_t(i * width + j)] = h[size_t(factor.order[size_t(i)] * width + factor.order[size_t(j)])];
    out[size_t(i * width + i)] += factor.result.damp_percent * mean;
  }
  return out;
}

// The largest element of U H' U^T - 1.
double distance(const std::vector<float>& hessian, int64_t width, const Factor& factor) {
  const std::vector<double> h = prepared(hessian, width, factor);
  double worst = 0;
  std::vector<double> uh(size_t(width * width));
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t k = i; k < width; ++k) {
      const double u = double(factor.at(i, k));
      for (int64_t j = 0; j < width; ++j) uh[size_t(i * width + j)] += u * h[size_t(k * width + j)];
    }
  }
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0;
      for (int64_t k = j; k < width; ++k) sum += uh[size_t(i * width + k)] * double(factor.at(j, k));
      worst = std::max(worst, std::fabs(sum - (i == j ? 1 : 0)));
    }
    for (int64_t j = 0; j < i; ++j) CHECK(factor.at(i, j) == 0);
  }
  return worst;
}

void check_factor(int64_t width, bool desc_act, Random& random) {
  const int64_t dead = width > 3 ? 2 : 0;
  const std::vector<float> hessian = random_hessian(width, 2 * width + 4, dead, random);
  every_level([&](qw_simd) {
    const Factor factor = factor_of(hessian, width, 0.01, desc_act);
    CHECK_OK(factor.status);
    CHECK(factor.result.dead == dead && factor.result.damp_percent == 0.01);
    CHECK(width < 4 || (factor.dead[0] && factor.dead[1] && !factor.dead[2]));
    const std::vector<double> h = prepared(hessian, width, factor);
    for (int64_t i = 1; desc_act && i < width; ++i) CHECK(h[size_t((i - 1) * width + i - 1)] >= h[size_t(i * width + i)]);
    const double worst = distance(hessian, width, factor);
    CHECK(worst < 2e-4);
    if (width == 300 && desc_act) std::printf("  factor of width %lld: U H U^T - 1 is at most %.2g\n", (long long)width, worst);
  });
}

// The block that fails comes after others that have been factored in place: they become H again before more damping is tried.
void check_raised(int64_t width, Random& random) {
  std::vector<float> hessian = random_hessian(width, 2 * width, 0, random);
  hessian[1] = hessian[size_t(width)] = 1.2f * std::sqrt(hessian[0] * hessian[size_t(width + 1)]);
  every_level([&](qw_simd) {
    const Factor factor = factor_of(hessian, width, 0.001, false);
    CHECK_OK(factor.status);
    CHECK(factor.result.damp_percent > 0.001);
    CHECK(distance(hessian, width, factor) < 1e-3);
  });
  const Factor small = factor_of({1, 1.05f, 1.05f, 1}, 2, 0.01, false);
  CHECK_OK(small.status);
  CHECK(small.result.damp_percent == 0.08);
}

void check_permutation(int64_t width, Random& random) {
  std::vector<float> full(size_t(width * width));
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j <= i; ++j) full[size_t(i * width + j)] = full[size_t(j * width + i)] = float(i * width + j);
  }
  std::vector<int32_t> order(static_cast<size_t>(width));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = width - 1; i > 0; --i) std::swap(order[size_t(i)], order[size_t(random.integer(0, int(i)))]);
  std::vector<float> triangle(size_t(qw_hessian_size(width))), got(full.size());
  qw_hessian_pack(full.data(), width, triangle.data());
  qw::permute_symmetric(triangle.data(), width, order.data(), qw_pool_shared());
  qw_hessian_unpack(triangle.data(), width, got.data());
  bool same = true;
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) same &= got[size_t(i * width + j)] == full[size_t(order[size_t(i)] * width + order[size_t(j)])];
  }
  CHECK(same);
}

}  // namespace

int main() {
  Random random(6);
  for (const int64_t width : {1, 2, 33, 128, 129, 300}) {
    check_factor(width, false, random);
    check_factor(width, true, random);
    check_permutation(width, random);
  }
  for (const int64_t width : {5, 129, 300}) check_raised(width, random);
  CHECK_FAILS(factor_of({1, 0, 0, NAN}, 2, 0.01, false).status, QW_INVALID_ARGUMENT, "not finite at row 1");
  CHECK_FAILS(factor_of({1, 3, 3, 1}, 2, 0.01, false).status, QW_INVALID_ARGUMENT, "not positive definite");
  CHECK_FAILS(factor_of({1}, 1, 0, false).status, QW_INVALID_ARGUMENT, "damp_percent 0");
  return finish("solve/gptq factor");
}
