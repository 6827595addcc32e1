// The worker threads: one work-stealing pool serves both kinds of parallelism, tasks of a
// step (inter-op) and pieces of one kernel's loop (intra-op), so they never oversubscribe.
//
// Each worker owns a deque: it pushes and pops at the back, thieves take from the front. A
// worker that finds nothing spins briefly, then sleeps. `schedule` may be called from any
// thread. The pool of `shared_pool(n)` lives as long as the process.
//
// Nothing here waits for a task that has not started, so a pool whose workers are all busy
// (or gone, after a fork) still makes progress: the caller does the work itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace penstock {

class ThreadPool {
 public:
  // `threads` counts the caller of parallel_for too: a pool of n has n - 1 workers.
  explicit ThreadPool(int threads);
  // Runs what is still queued, then joins the workers.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int num_threads() const;  // workers + 1
  // Runs `task` on a worker some time later. `task` must not throw. A pool without workers
  // runs it at once.
  void schedule(std::function<void()> task);

  // Calls body(begin, end) over disjoint pieces of [0, n) that cover it, on the caller and on
  // idle workers, and returns when all are done. `cost_ns` is the estimated time of one item
  // on one thread: small loops stay on the caller as one piece. `max_threads` bounds the
  // number of threads (0: as many as the pool has). The first exception is thrown again here.
  void parallel_for(int64_t n, double cost_ns, const std::function<void(int64_t, int64_t)>& body,
                    int max_threads = 0);

  // How many loops this thread has shared with workers so far: tells a kernel that spreads
  // over threads by itself from one that does not.
  static int64_t loops_shared_here();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The process's pool of that many threads (0: one per processor that we may use).
ThreadPool& shared_pool(int threads);
// Processors in our affinity mask, or fewer where a control group's quota says so.
int available_processors();

}  // namespace penstock
