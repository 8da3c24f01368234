// Rounding speed in GB/s of 16-bit input, per dialect, at a model's matrix shapes: rtn_bench [rows cols]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "abi/dispatch.h"
#include "linear/float16.h"
#include "solve/rtn/rtn.h"

int main(int argc, char** argv) {
  const int64_t rows = argc > 2 ? std::atoll(argv[1]) : 4096, cols = argc > 2 ? std::atoll(argv[2]) : 4096;
  std::vector<uint16_t> weights(size_t(rows * cols));
  uint32_t state = 1;
  for (uint16_t& weight : weights) {
    state = state * 1664525u + 1013904223u;
    weight = qw_f32_to_bf16(float(int32_t(state)) * 1e-11f);
  }
  const qw_dense source = {QW_BF16, rows, cols, weights.data()};
  const char* const names[] = {"instant_quant", "ist", "qllm", "inc", "awq", "compressed_tensors", "dashinfer_cpu", "zeroquant"};
  std::printf("rtn %lld x %lld bf16, %s, %d threads\n", (long long)rows, (long long)cols, qw_simd_name(qw_simd_level()),
              qw_pool_threads(qw_pool_shared()));
  std::vector<uint8_t> codes(weights.size());
  std::vector<float> scale(weights.size() / 32), zero(scale.size());
  for (int dialect = QW_RTN_INSTANT_QUANT; dialect <= QW_RTN_ZEROQUANT; ++dialect) {
    for (const int64_t group_size : {int64_t(-1), int64_t(128), int64_t(32)}) {
      qw_rtn_options options{};
      options.dialect = qw_rtn_dialect(dialect);
      options.bits = dialect == QW_RTN_DASHINFER_CPU ? 8 : 4;
      options.group_size = group_size;
      options.scale_type = QW_F16;
      qw_rtn_result result;
      double best = 1e9;
      for (int repeat = 0; repeat < 5; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        const qw_status status = qw_rtn(&source, &options, qw_pool_shared(), codes.data(), scale.data(), zero.data(), &result);
        if (status.code != QW_OK) return std::printf("%s\n", status.message), 1;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        best = seconds < best ? seconds : best;
      }
      std::printf("  %-20s group %4lld: %8.2f ms %6.2f GB/s, SQNR %.2f dB\n", names[dialect], (long long)group_size, best * 1e3,
                  double(rows * cols) * 2 / best / 1e9, result.sqnr_db);
    }
  }
  return 0;
}
