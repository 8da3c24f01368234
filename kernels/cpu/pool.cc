// The thread pool of abi/pool.h.
//
// One 64-bit word `gate` carries a job's life: [ generation : 32 | open : 1 | unused | threads inside : 16 ].
// The caller opens it, workers enter by compare-and-swap while it is open and leave when no chunk is left. The caller closes it as soon
// as the chunks are all claimed and then waits only for those inside: a worker that never woke up delays nobody.
// Cost of a job that finds its workers spinning: two cache-line transfers a worker, about 0.5 us.
#include "abi/pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "cpu/cores.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxThreads = QW_POOL_MAX_THREADS;
constexpr uint64_t kOpen = uint64_t(1) << 31;
constexpr uint64_t kInside = 0xffff;
constexpr uint64_t kGeneration = uint64_t(1) << 32;
// The gaps between the operations of one token are a few microseconds; a park and wake costs 5 to 50.
constexpr auto kSpin = std::chrono::microseconds(50);
constexpr int kPausesPerClockRead = 32;

thread_local int current_thread = -1;  // index in the job being run, or -1 outside of one

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Spins until done() or the time is up; returns done().
template <typename Done>
bool spin_until(Done done) {
  if (done()) return true;
  const auto deadline = Clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < deadline);
  return done();
}

struct Job {
  qw_pool_body body = nullptr;
  void* context = nullptr;
  int64_t count = 0;
  int64_t grain = 1;
};

}  // namespace

struct qw_pool {
  alignas(64) std::atomic<uint64_t> gate{0};
  alignas(64) std::atomic<int64_t> next{0};
  Job job;  // written while the gate is closed and nobody is inside
  alignas(64) std::atomic<int> parked_workers{0};
  std::atomic<bool> parked_caller{false};
  std::atomic<bool> stopping{false};
  std::mutex park_mutex;
  std::condition_variable wake_workers;
  std::condition_variable wake_caller;
  std::mutex caller_mutex;  // one job at a time
  std::vector<std::thread> workers;
  std::atomic<int> threads{1};

  void claim_chunks(int thread) {
    const int outer = current_thread;
    current_thread = thread;
    for (;;) {
      const int64_t begin = next.fetch_add(job.grain, std::memory_order_relaxed);
      if (begin >= job.count) break;
      const int64_t end = job.count - begin < job.grain ? job.count : begin + job.grain;
      job.body(job.context, begin, end, thread);
    }
    current_thread = outer;
  }

  bool enter(uint64_t& seen) {
    uint64_t value = gate.load(std::memory_order_acquire);
    while (value & kOpen) {
      if (value / kGeneration == seen) return false;
      if (gate.compare_exchange_weak(value, value + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        seen = value / kGeneration;
        return true;
      }
    }
    return false;
  }

  void leave() {
    const uint64_t before = gate.fetch_sub(1);
    if ((before & kInside) == 1 && !(before & kOpen) && parked_caller.load()) {
      std::lock_guard<std::mutex> lock(park_mutex);
      wake_caller.notify_one();
    }
  }

  bool has_work(uint64_t seen) const {
    const uint64_t value = gate.load();
    return stopping.load(std::memory_order_relaxed) || ((value & kOpen) && value / kGeneration != seen);
  }

  void work(int thread) {
    uint64_t seen = 0;
    while (!stopping.load()) {
      if (enter(seen)) {
        claim_chunks(thread);
        leave();
        continue;
      }
      if (spin_until([&] { return has_work(seen); })) continue;
      std::unique_lock<std::mutex> lock(park_mutex);
      parked_workers.fetch_add(1);
      wake_workers.wait(lock, [&] { return has_work(seen); });
      parked_workers.fetch_sub(1);
    }
  }

  void run(const Job& wanted) {
    job = wanted;
    next.store(0, std::memory_order_relaxed);
    // Generation 0 is never used: a new worker has seen it.
    uint64_t generation = (gate.load(std::memory_order_relaxed) / kGeneration + 1) & 0xffffffffu;
    if (generation == 0) generation = 1;
    gate.store(generation * kGeneration | kOpen);
    if (parked_workers.load() > 0) {
      std::lock_guard<std::mutex> lock(park_mutex);
      wake_workers.notify_all();
    }
    claim_chunks(0);
    gate.fetch_and(~kOpen);
    const auto all_out = [&] { return (gate.load() & kInside) == 0; };
    if (spin_until(all_out)) return;
    std::unique_lock<std::mutex> lock(park_mutex);
    parked_caller.store(true);
    wake_caller.wait(lock, all_out);
    parked_caller.store(false);
  }

  void stop_workers() {
    stopping.store(true);
    {
      std::lock_guard<std::mutex> lock(park_mutex);
      wake_workers.notify_all();
    }
    for (std::thread& worker : workers) worker.join();
    workers.clear();
    stopping.store(false);
  }

  // Fewer when the system refuses more threads.
  void start_workers(int wanted) {
    try {
      workers.reserve(size_t(wanted - 1));
      for (int i = 1; i < wanted; ++i) workers.emplace_back([this, i] { work(i); });
    } catch (const std::exception&) {
    }
    threads.store(int(workers.size()) + 1);
  }
};

namespace {

int default_threads() {
  if (const char* text = std::getenv("QUANTWRIGHT_THREADS")) {
    const int wanted = std::atoi(text);
    if (wanted >= 1) return wanted < kMaxThreads ? wanted : kMaxThreads;
  }
  const int cores = qw_cores_available();
  return cores < kMaxThreads ? cores : kMaxThreads;
}

}  // namespace

extern "C" qw_pool* qw_pool_shared(void) {
  // Never destroyed: its threads may still run while the process shuts down.
  static qw_pool* const pool = [] {
    qw_pool* created = new qw_pool;
    created->start_workers(default_threads());
    return created;
  }();
  return pool;
}

extern "C" int qw_pool_threads(const qw_pool* pool) { return pool->threads.load(std::memory_order_relaxed); }

extern "C" qw_status qw_pool_resize(qw_pool* pool, int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    return qw_error(QW_INVALID_ARGUMENT, "Thread count must be 1..%d, not %d.", kMaxThreads, threads);
  }
  if (current_thread >= 0) return qw_error(QW_INVALID_ARGUMENT, "The thread pool cannot be resized from inside a parallel loop.");
  std::lock_guard<std::mutex> lock(pool->caller_mutex);
  if (threads == pool->threads.load()) return qw_ok();
  pool->stop_workers();
  pool->start_workers(threads);
  if (pool->threads.load() < threads) {
    return qw_error(QW_OUT_OF_MEMORY, "The system refused thread %d of %d; going on with %d.", pool->threads.load() + 1, threads,
                    pool->threads.load());
  }
  return qw_ok();
}

extern "C" void qw_parallel_for(qw_pool* pool, int64_t count, int64_t grain, qw_pool_body body, void* context) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  if (current_thread >= 0) {  // called from a body: this thread does it all
    body(context, 0, count, current_thread);
    return;
  }
  std::lock_guard<std::mutex> lock(pool->caller_mutex);
  if (count <= grain || pool->threads.load(std::memory_order_relaxed) == 1) {
    current_thread = 0;
    body(context, 0, count, 0);
    current_thread = -1;
    return;
  }
  pool->run(Job{body, context, count, grain});
}
