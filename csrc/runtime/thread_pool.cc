// Workers, their deques, and how they sleep.
//
// Sleeping: `queued_` counts tasks in all deques and `sleepers_` the workers that sleep or are
// about to. A producer raises `queued_` and then reads `sleepers_`; a worker raises `sleepers_`
// and then reads `queued_`; both sequentially consistent, so at least one sees the other.
// Locks: a deque's lock and `sleep_mutex_`; never both at once.
#include "runtime/thread_pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/pause.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(15);

// The pool and index of the worker that runs on this thread.
thread_local const void* current_pool = nullptr;
thread_local int current_worker = -1;
thread_local int64_t loops_shared = 0;

struct alignas(64) WorkerDeque {
  std::mutex mutex;
  std::deque<std::function<void()>> tasks;
};

// True when `done` came true within the time a short spin takes.
template <class Done>
bool spin_until(const Done& done) {
  const auto end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_briefly();
    }
  } while (Clock::now() < end);
  return done();
}

}  // namespace

struct ThreadPool::Impl {
  explicit Impl(int threads) : deques(static_cast<size_t>(std::max(0, threads - 1))) {
    for (size_t i = 0; i < deques.size(); ++i) {
      workers.emplace_back([this, i] { work(static_cast<int>(i)); });
    }
  }

  ~Impl() {
    {
      std::lock_guard<std::mutex> lock(sleep_mutex);
      stopping = true;
    }
    wake.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void push(std::function<void()> task) {
    const size_t own = current_pool == this
                           ? static_cast<size_t>(current_worker)
                           : next_deque.fetch_add(1, std::memory_order_relaxed) % deques.size();
    {
      std::lock_guard<std::mutex> lock(deques[own].mutex);
      deques[own].tasks.push_back(std::move(task));
    }
    queued.fetch_add(1);
    if (sleepers.load() > 0) {
      std::lock_guard<std::mutex> lock(sleep_mutex);
      wake.notify_one();
    }
  }

  bool take(size_t index, bool own, std::function<void()>& task) {
    WorkerDeque& deque = deques[index];
    std::lock_guard<std::mutex> lock(deque.mutex);
    if (deque.tasks.empty()) return false;
    if (own) {
      task = std::move(deque.tasks.back());
      deque.tasks.pop_back();
    } else {
      task = std::move(deque.tasks.front());
      deque.tasks.pop_front();
    }
    queued.fetch_sub(1);
    return true;
  }

  // A task from the worker's own deque, or else from another's.
  bool find_task(int worker, std::function<void()>& task) {
    if (queued.load(std::memory_order_relaxed) == 0) return false;
    const size_t self = static_cast<size_t>(worker);
    for (size_t i = 0; i < deques.size(); ++i) {
      if (take((self + i) % deques.size(), i == 0, task)) return true;
    }
    return false;
  }

  // False when the pool stops and nothing is queued.
  bool wait_for_work() {
    if (spin_until([this] { return queued.load(std::memory_order_relaxed) > 0; })) return true;
    std::unique_lock<std::mutex> lock(sleep_mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, [this] { return queued.load() > 0 || stopping; });
    sleepers.fetch_sub(1);
    return queued.load() > 0 || !stopping;
  }

  void work(int worker) {
    current_pool = this;
    current_worker = worker;
    std::function<void()> task;
    while (true) {
      if (!find_task(worker, task)) {
        if (!wait_for_work()) return;
        continue;
      }
      task();
      task = nullptr;
    }
  }

  std::vector<WorkerDeque> deques;
  std::vector<std::thread> workers;
  std::atomic<size_t> next_deque{0};
  alignas(64) std::atomic<int> queued{0};
  std::atomic<int> sleepers{0};
  std::mutex sleep_mutex;
  std::condition_variable wake;
  bool stopping = false;  // under sleep_mutex
};

namespace {

// One parallel_for. Pieces are claimed from a counter; tasks that start after the last piece
// was claimed find nothing to do and never touch `body`, which lives on the caller's stack.
class Loop {
 public:
  Loop(int64_t n, int64_t piece, int helpers, const std::function<void(int64_t, int64_t)>& body)
      : n_(n), piece_(piece), pieces_((n + piece - 1) / piece), refs_(helpers + 1), body_(body) {}

  // Claims and runs pieces until none is left.
  void take_part() {
    int64_t mine = 0;
    for (int64_t i = next_++; i < pieces_; i = next_++, ++mine) {
      if (failed_.load(std::memory_order_relaxed)) continue;
      try {
        body_(i * piece_, std::min(n_, (i + 1) * piece_));
      } catch (...) {
        if (!failed_.exchange(true)) error_ = std::current_exception();
      }
    }
    if (mine > 0 && done_.fetch_add(mine) + mine == pieces_) {
      std::lock_guard<std::mutex> lock(mutex_);
      finished_.notify_all();
    }
  }

  void wait() {
    if (!spin_until([this] { return done_.load() == pieces_; })) {
      std::unique_lock<std::mutex> lock(mutex_);
      finished_.wait(lock, [this] { return done_.load() == pieces_; });
    }
    // Taken out, not copied: a helper that lets go of the loop later must not be the one that frees
    // an exception the caller is looking at.
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void unref() {
    if (refs_.fetch_sub(1) == 1) delete this;
  }

 private:
  const int64_t n_;
  const int64_t piece_;
  const int64_t pieces_;
  std::atomic<int> refs_;
  const std::function<void(int64_t, int64_t)>& body_;
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;  // written once, before its writer adds to done_
  alignas(64) std::atomic<int64_t> next_{0};
  std::atomic<int64_t> done_{0};
  std::mutex mutex_;
  std::condition_variable finished_;
};

// A piece should take long enough to pay for its claim, and there should be a few for each
// thread, so that one that starts late or runs slowly does not hold up the rest.
constexpr double kMinPieceNs = 5000.0;
constexpr double kMinThreadNs = 10000.0;
constexpr int64_t kPiecesPerThread = 4;

int64_t piece_size(int64_t n, double cost_ns, int threads) {
  const int64_t even = (n + threads * kPiecesPerThread - 1) / (threads * kPiecesPerThread);
  const int64_t worthwhile = static_cast<int64_t>(kMinPieceNs / std::max(cost_ns, 1e-3));
  return std::max<int64_t>({1, even, std::min(worthwhile, (n + threads - 1) / threads)});
}

}  // namespace

ThreadPool::ThreadPool(int threads) : impl_(new Impl(threads)) {}
ThreadPool::~ThreadPool() = default;

int ThreadPool::num_threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::schedule(std::function<void()> task) {
  if (impl_->deques.empty()) {
    task();
  } else {
    impl_->push(std::move(task));
  }
}

void ThreadPool::parallel_for(int64_t n, double cost_ns,
                              const std::function<void(int64_t, int64_t)>& body, int max_threads) {
  if (n <= 0) return;
  int threads = max_threads > 0 ? std::min(max_threads, num_threads()) : num_threads();
  const double worth = static_cast<double>(n) * cost_ns / kMinThreadNs;
  if (worth < threads) threads = static_cast<int>(worth);
  if (n < threads) threads = static_cast<int>(n);
  if (threads <= 1) {
    body(0, n);
    return;
  }
  ++loops_shared;
  Loop* loop = new Loop(n, piece_size(n, cost_ns, threads), threads - 1, body);
  for (int i = 1; i < threads; ++i) {
    impl_->push([loop] {
      loop->take_part();
      loop->unref();
    });
  }
  struct Unref {
    Loop* loop;
    ~Unref() { loop->unref(); }
  } last{loop};
  loop->take_part();
  loop->wait();
}

int64_t ThreadPool::loops_shared_here() { return loops_shared; }

ThreadPool& shared_pool(int threads) {
  static std::mutex* const mutex = new std::mutex;
  static auto* const pools = new std::map<int, ThreadPool*>;  // never destroyed: see the header
  const int count = threads > 0 ? threads : available_processors();
  std::lock_guard<std::mutex> lock(*mutex);
  ThreadPool*& pool = (*pools)[count];
  if (!pool) pool = new ThreadPool(count);
  return *pool;
}

}  // namespace penstock
