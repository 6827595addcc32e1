// The thread pool and parallel_for.
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "check.h"
#include "runtime/thread_pool.h"

namespace penstock {
namespace {

TEST(parallel_for_covers_everything_once) {
  ThreadPool pool(4);
  for (int64_t n : {0, 1, 3, 1000, 12345}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
    pool.parallel_for(n, 1e5, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)]++;
    });
    for (auto& count : seen) CHECK(count == 1);
  }
}

TEST(parallel_for_keeps_small_loops_whole) {
  ThreadPool pool(4);
  int calls = 0;
  pool.parallel_for(1000, 1.0, [&](int64_t, int64_t) { ++calls; });
  CHECK(calls == 1);
  const int64_t before = ThreadPool::loops_shared_here();
  pool.parallel_for(1000, 1.0, [&](int64_t, int64_t) {});
  CHECK(ThreadPool::loops_shared_here() == before);
  pool.parallel_for(1000, 1000.0, [&](int64_t, int64_t) {});
  CHECK(ThreadPool::loops_shared_here() == before + 1);
}

TEST(parallel_for_rethrows_and_recovers) {
  ThreadPool pool(3);
  const auto bad = [](int64_t begin, int64_t) {
    if (begin > 0) fail(Code::kOutOfRange, "no such item");
  };
  CHECK_ERROR(Code::kOutOfRange, "no such item", pool.parallel_for(100, 1e6, bad));
  std::atomic<int64_t> sum{0};
  pool.parallel_for(100, 1e6, [&](int64_t b, int64_t e) { sum += e - b; });
  CHECK(sum == 100);
}

TEST(parallel_for_nests_and_needs_no_free_worker) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  pool.parallel_for(8, 1e6, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      pool.parallel_for(50, 1e6, [&](int64_t b2, int64_t e2) { sum += e2 - b2; });
    }
  });
  CHECK(sum == 400);
}

TEST(parallel_for_from_many_threads) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        pool.parallel_for(64, 1e5, [&](int64_t b, int64_t e) { sum += e - b; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(sum == 4 * 200 * 64);
}

TEST(scheduled_tasks_run_before_the_pool_ends) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) pool.schedule([&] { ++done; });
  }
  CHECK(done == 100);
  ThreadPool alone(1);
  alone.schedule([&] { ++done; });
  CHECK(done == 101 && alone.num_threads() == 1);
}

TEST(sleeping_workers_wake_up) {
  ThreadPool pool(2);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::atomic<bool> done{false};
    pool.schedule([&] { done = true; });
    while (!done) std::this_thread::yield();
  }
  CHECK(available_processors() >= 1 && &shared_pool(2) == &shared_pool(2));
}

}  // namespace
}  // namespace penstock
