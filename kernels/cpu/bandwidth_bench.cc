// Read bandwidth of memory with the pool's threads: 256 MiB, 11 passes, median and best. The roofline of generation, which reads every
// weight once a token.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "cpu/parallel.h"
#include "linear/memory.h"

int main() {
  constexpr int64_t kWords = (int64_t(256) << 20) / 8, kChunk = (int64_t(1) << 20) / 8;
  uint64_t* memory = static_cast<uint64_t*>(qw_weight_memory(size_t(kWords) * 8));  // as weights are kept: huge pages where there are any
  if (memory == nullptr) return 1;
  std::fill(memory, memory + kWords, 1);
  std::vector<uint64_t> sums(QW_POOL_MAX_THREADS * 8);
  std::vector<double> seconds;
  qw_pool* pool = qw_pool_shared();
  for (int pass = 0; pass < 11; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    qw::parallel(pool, kWords / kChunk, 1, [&](int64_t begin, int64_t end, int thread) {
      uint64_t sum[8] = {};
      for (const uint64_t *at = memory + begin * kChunk, *last = memory + end * kChunk; at < last; at += 8) {
        __builtin_prefetch(at + 256);
        for (int i = 0; i < 8; ++i) sum[i] ^= at[i];
      }
      for (uint64_t value : sum) sums[size_t(thread) * 8] += value;
    });
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double bytes = double(kWords) * 8 / 1e9;
  std::printf("read %.2f GB/s (best %.2f), %d threads%s\n", bytes / seconds[seconds.size() / 2], bytes / seconds[0], qw_pool_threads(pool),
              sums[0] == 42 ? "!" : "");
  qw_weight_memory_free(memory);
}
