// Weights a second of the BCQ solver: bcq_bench [rows cols] [group_size] [rounds]
#include "solve/bcq/bcq.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "abi/dispatch.h"

int main(int argc, char** argv) {
  const int64_t rows = argc > 2 ? std::atoll(argv[1]) : 1024, cols = argc > 2 ? std::atoll(argv[2]) : 2048, group_size = argc > 3 ? std::atoll(argv[3]) : 128;
  const int wanted_rounds = argc > 4 ? std::atoi(argv[4]) : -1;
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> w(size_t(rows * cols));
  for (float& value : w) value = normal(engine);
  const qw_dense source = {QW_F32, rows, cols, w.data()};
  std::printf("%s, %d threads; %lld x %lld, groups of %lld\n", qw_simd_name(qw_simd_level()), qw_pool_threads(qw_pool_shared()), (long long)rows, (long long)cols, (long long)group_size);
  for (const int bits : {2, 3, 4}) {
    for (const int rounds : {0, 1, 15}) {
      if (wanted_rounds >= 0 && rounds != wanted_rounds) continue;
      const qw_bcq_options options = {bits, group_size, rounds, 1, QW_F16};
      int64_t groups;
      if (qw_bcq_plan(&options, rows, cols, &groups).code != QW_OK) return 1;
      std::vector<uint32_t> planes(size_t((cols + 31) / 32 * bits * rows));
      std::vector<float> alpha(size_t(groups * bits * rows));
      qw_bcq_result result;
      const auto start = std::chrono::steady_clock::now();
      qw_bcq(&source, &options, qw_pool_shared(), planes.data(), alpha.data(), &result);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      std::printf("  %d bits, %2d rounds  %8.1f ms  %7.1f million weights/s  sqnr %.2f dB\n", bits, rounds, seconds * 1e3, double(rows * cols) / seconds / 1e6, result.sqnr_db);
    }
  }
  return 0;
}
