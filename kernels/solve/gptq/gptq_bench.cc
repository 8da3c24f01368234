// Seconds to factor a Hessian and to solve a matrix with it, 4 bits, groups of 128: gptq_bench [rows cols]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "abi/dispatch.h"
#include "linear/float16.h"
#include "observe/observe.h"
#include "solve/gptq/gptq.h"

namespace {

template <typename Prepare, typename Body>
double best_seconds(int repeats, Prepare prepare, Body body) {
  double best = 1e9;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    prepare();
    const auto start = std::chrono::steady_clock::now();
    const qw_status status = body();
    if (status.code != QW_OK) std::printf("%s\n", status.message), std::exit(1);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = seconds < best ? seconds : best;
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rows = argc > 2 ? std::atoll(argv[1]) : 4096, cols = argc > 2 ? std::atoll(argv[2]) : 4096, tokens = 2 * cols;
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> weights(size_t(rows * cols));
  for (uint16_t& weight : weights) weight = qw_f32_to_bf16(0.02f * normal(engine));
  std::vector<float> hessian(size_t(qw_hessian_size(cols))), scratch(size_t(qw_hessian_scratch(tokens, cols))), x(size_t(tokens * cols));
  for (float& value : x) value = normal(engine);
  qw_pool* pool = qw_pool_shared();
  const auto observing = std::chrono::steady_clock::now();
  qw_hessian(x.data(), tokens, cols, hessian.data(), scratch.data(), pool);
  const double observe_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - observing).count();
  std::vector<float> factor;
  std::vector<int32_t> order(static_cast<size_t>(cols)), g_idx(order.size());
  std::vector<uint8_t> dead(order.size()), codes(weights.size());
  std::printf("gptq %lld x %lld bf16, 4 bits, group 128, %s, %d threads\n", (long long)rows, (long long)cols, qw_simd_name(qw_simd_level()),
              qw_pool_threads(pool));
  qw_gptq_factor_result made;
  const qw_gptq_factor_options factor_options = {1, 0.01, 1};
  const double factor_seconds = best_seconds(3, [&] { factor = hessian; }, [&] {
    return qw_gptq_factor_in_place(factor.data(), cols, &factor_options, pool, order.data(), dead.data(), &made);
  });
  qw_gptq_options options{};
  options.bits = 4;
  options.symmetric = 1;
  options.group_size = 128;
  options.scale_type = QW_F16;
  std::vector<float> scale(weights.size() / 128 + size_t(rows)), zero(scale.size());
  const qw_dense source = {QW_BF16, rows, cols, weights.data()};
  qw_gptq_result result;
  const double solve_seconds = best_seconds(3, [] {}, [&] {
    return qw_gptq_solve(&source, factor.data(), order.data(), dead.data(), &options, pool, codes.data(), scale.data(), zero.data(), g_idx.data(),
                         &result);
  });
  const double n = double(cols);
  std::printf("  observe %lld tokens %.3f s (%.0f GFLOP/s)", (long long)tokens, observe_seconds, double(tokens) * n * n / observe_seconds / 1e9);
  std::printf("  factor %.3f s (%.0f GFLOP/s)  solve %.3f s (%.0f GFLOP/s)  together %.3f s\n", factor_seconds, 2 * n * n * n / 3 / factor_seconds / 1e9,
              solve_seconds, double(rows) * n * n / solve_seconds / 1e9, factor_seconds + solve_seconds);
  return 0;
}
