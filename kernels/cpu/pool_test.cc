#include "abi/pool.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "testing/check.h"

namespace {

struct Visits {
  std::vector<std::atomic<int>> counts;
  std::atomic<int> bad_thread{0};
  int threads;
  explicit Visits(size_t n, int pool_threads) : counts(n), threads(pool_threads) {}
};

void visit(void* context, int64_t begin, int64_t end, int thread) {
  Visits& visits = *static_cast<Visits*>(context);
  if (thread < 0 || thread >= visits.threads) ++visits.bad_thread;
  for (int64_t i = begin; i < end; ++i) ++visits.counts[size_t(i)];
}

void every_index_is_visited_once(qw_pool* pool) {
  for (int threads : {1, 2, 3, 8}) {
    CHECK_OK(qw_pool_resize(pool, threads));
    CHECK(qw_pool_threads(pool) == threads);
    for (int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (int64_t grain : {int64_t(0), int64_t(1), int64_t(3), int64_t(64), int64_t(5000)}) {
        Visits visits(size_t(count), threads);
        qw_parallel_for(pool, count, grain, visit, &visits);
        bool once = true;
        for (auto& seen : visits.counts) once = once && seen == 1;
        CHECK(once);
        CHECK(visits.bad_thread == 0);
      }
    }
  }
}

void thousands_of_short_jobs_finish(qw_pool* pool) {
  CHECK_OK(qw_pool_resize(pool, 2));
  struct Sum {
    std::atomic<int64_t> value{0};
  } sum;
  const auto begin = std::chrono::steady_clock::now();
  constexpr int jobs = 20000;
  for (int i = 0; i < jobs; ++i) {
    qw_parallel_for(
        pool, 4, 1, [](void* context, int64_t from, int64_t to, int) { static_cast<Sum*>(context)->value += to - from; }, &sum);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(sum.value == int64_t(jobs) * 4);
  std::printf("  %.2f us a job of 4 chunks\n", seconds / jobs * 1e6);
}

void jobs_of_several_callers_never_overlap(qw_pool* pool) {
  constexpr int callers = 3;
  struct Shared {
    std::atomic<int> active[callers] = {};
    std::atomic<int> overlaps{0};
    std::atomic<int> bodies{0};
  } shared;
  struct Call {
    Shared* shared;
    int caller;
  };
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&shared, pool, caller] {
      Call call{&shared, caller};
      for (int i = 0; i < 300; ++i) {
        qw_parallel_for(
            pool, 8, 1,
            [](void* context, int64_t, int64_t, int) {
              const Call& mine = *static_cast<Call*>(context);
              ++mine.shared->active[mine.caller];
              for (int other = 0; other < callers; ++other) {
                if (other != mine.caller && mine.shared->active[other] != 0) ++mine.shared->overlaps;
              }
              ++mine.shared->bodies;
              --mine.shared->active[mine.caller];
            },
            &call);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(shared.overlaps == 0);
  CHECK(shared.bodies == callers * 300 * 8);
}

void a_call_from_inside_a_body_runs_on_that_thread(qw_pool* pool) {
  struct Nested {
    qw_pool* pool;
    std::atomic<int> inner{0};
    std::atomic<int> other_thread{0};
  } nested{pool};
  struct Inner {
    Nested* nested;
    int thread;
  };
  qw_parallel_for(
      pool, 6, 1,
      [](void* context, int64_t, int64_t, int thread) {
        Nested& outer = *static_cast<Nested*>(context);
        Inner inner{&outer, thread};
        qw_parallel_for(
            outer.pool, 5, 1,
            [](void* deeper, int64_t begin, int64_t end, int on) {
              Inner& mine = *static_cast<Inner*>(deeper);
              mine.nested->inner += int(end - begin);
              if (on != mine.thread) ++mine.nested->other_thread;
            },
            &inner);
      },
      &nested);
  CHECK(nested.inner == 30);
  CHECK(nested.other_thread == 0);
}

}  // namespace

int main() {
  qw_pool* pool = qw_pool_shared();
  CHECK(pool == qw_pool_shared());
  CHECK(qw_pool_threads(pool) >= 1);
  every_index_is_visited_once(pool);
  thousands_of_short_jobs_finish(pool);
  jobs_of_several_callers_never_overlap(pool);
  a_call_from_inside_a_body_runs_on_that_thread(pool);
  CHECK_FAILS(qw_pool_resize(pool, 0), QW_INVALID_ARGUMENT, "1..64");
  CHECK_FAILS(qw_pool_resize(pool, 65), QW_INVALID_ARGUMENT, "65");
  return qw_test::finish("pool");
}
