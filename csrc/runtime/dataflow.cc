// State of one parallel run, guarded by `mutex_` where it is not atomic:
//   ready_          expensive nodes that may run, a heap by the length of their path
//   helpers_        tasks given to the pool that have not ended
//   coming_         those of them that have not started
//   busy_           helpers inside a node or its cheap successors
//   pending_        asynchronous nodes that were started and whose results have not arrived
//   remaining_      nodes that have not finished; at 0 nobody touches the step any more
// Queues hold node numbers over all programs; of a node whose result has just arrived, and which
// is to be finished only, the complement (~number).
// A helper may start after the run has ended: it shares the state, sees that, and leaves.
#include "runtime/dataflow.h"

#include <algorithm>
#include <condition_variable>
#include <tuple>
#include <utility>

#include "runtime/async_kernel.h"
#include "runtime/pause.h"

namespace penstock {
namespace {

constexpr float kCheapNs = 5000.0f;  // a hand-over to another thread costs about as much
// What the thread is running: where nodes go that become ready while it does.
thread_local const void* running_dataflow = nullptr;
thread_local std::vector<int32_t>* running_list = nullptr;

constexpr int kCheckEvery = 64;  // cheap nodes between two looks at the limits
constexpr auto kSpin = std::chrono::microseconds(10);

class Dataflow : public std::enable_shared_from_this<Dataflow> {
 public:
  Dataflow(const Partitions& partitions, const Profile& profile, Step& step)
      : partitions_(partitions),
        profile_(profile),
        step_(step),
        trace_(step.trace()),
        pool_(*partitions.host().session.inter_pool),
        max_helpers_(pool_.num_threads() - 1),
        remaining_(partitions.num_nodes()) {}

  void run() {
    for (size_t p = 0; p < partitions_.size(); ++p) step_.values(p).reset_counts();
    std::vector<int32_t> cheap;
    std::vector<int32_t> expensive;
    for (int32_t node = partitions_.num_nodes(); node-- > 0;) {
      if (partitions_.node(node).num_predecessors == 0) sort_in(node, cheap, expensive);
    }
    publish(expensive, !cheap.empty());
    run_all(cheap, true);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!finished()) {
      if (!take_and_run(lock, true)) wait(lock);
    }
    over_ = true;
    while (busy_ > 0 || pending_ > 0) changed_.wait(lock);
    lock.unlock();
    if (step_.stopped()) throw step_.take_error();
  }

 private:
  bool finished() const {
    return step_.stopped() || remaining_.load(std::memory_order_acquire) == 0;
  }

  void sort_in(int32_t node, std::vector<int32_t>& cheap, std::vector<int32_t>& expensive) const {
    (profile_.node_ns(node) < kCheapNs ? cheap : expensive).push_back(node);
  }

  static int32_t number(int32_t entry) { return entry < 0 ? ~entry : entry; }
  bool shorter(int32_t a, int32_t b) const {
    return profile_.path_ns(number(a)) < profile_.path_ns(number(b));
  }

  // Puts nodes into the queues and asks for as many helpers as there is work for, besides this
  // thread (which takes one itself unless it has `more` to do).
  void publish(const std::vector<int32_t>& nodes, bool more) {
    if (nodes.empty()) return;
    const auto order = [this](int32_t a, int32_t b) { return shorter(a, b); };
    int wanted = 0;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (int32_t node : nodes) {
        ready_.push_back(node);
        std::push_heap(ready_.begin(), ready_.end(), order);
      }
      const int work = static_cast<int>(ready_.size()) - (more ? 0 : 1);
      wanted = std::max(0, std::min(work - coming_, max_helpers_ - helpers_));
      helpers_ += wanted;
      coming_ += wanted;
      ++events_;
    }
    changed_.notify_one();
    for (int i = 0; i < wanted; ++i) {
      pool_.schedule([self = shared_from_this()] { self->help(); });
    }
  }

  void help() {
    std::unique_lock<std::mutex> lock(mutex_);
    --coming_;
    if (!over_) {
      ++busy_;
      while (!finished() && take_and_run(lock, false)) {
      }
      --busy_;
    }
    --helpers_;
    ++events_;
    changed_.notify_one();
  }

  // False when there is nothing to take. Gives up the lock while nodes run.
  bool take_and_run(std::unique_lock<std::mutex>& lock, bool caller) {
    if (ready_.empty()) return false;
    std::pop_heap(ready_.begin(), ready_.end(),
                  [this](int32_t a, int32_t b) { return shorter(a, b); });
    std::vector<int32_t> nodes{ready_.back()};
    ready_.pop_back();
    lock.unlock();
    run_all(nodes, caller);
    lock.lock();
    return true;
  }

  // Runs these nodes and every cheap one that becomes ready by them, and goes on with one
  // expensive successor: its input is still in this processor's cache, and finishing what was
  // begun keeps fewer values alive.
  void run_all(std::vector<int32_t>& own, bool caller) {
    const auto outer = std::pair(running_dataflow, running_list);
    running_dataflow = this;
    running_list = &own;
    std::vector<int32_t> expensive;
    int unchecked = 0;
    while (!own.empty() && !step_.stopped()) {
      const int32_t entry = own.back();
      own.pop_back();
      const int32_t node = number(entry);
      if (entry >= 0 && !run_one(node)) continue;  // failed, or finished by its arrival
      release(node);
      expensive.clear();
      find_ready(node, own, expensive);
      if (own.empty()) keep_longest(own, expensive);
      publish(expensive, !own.empty());
      if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) ++events_;
      if (!caller) continue;
      if (++unchecked >= kCheckEvery || profile_.node_ns(node) >= kCheapNs) {
        unchecked = 0;
        check_limits();
      }
    }
    std::tie(running_dataflow, running_list) = outer;
  }

  // The nodes that waited for this one alone.
  void find_ready(int32_t node, std::vector<int32_t>& cheap, std::vector<int32_t>& expensive) {
    const size_t p = static_cast<size_t>(partitions_.program_of(node));
    const Program& program = partitions_.program(p);
    const int32_t first = partitions_.first_node(p);
    const Range next = partitions_.node(node).successors;
    for (int32_t s = next.begin; s < next.end; ++s) {
      const int32_t successor = program.successors[s];
      if (step_.values(p).waiting(successor).fetch_sub(1, std::memory_order_acq_rel) == 1) {
        sort_in(first + successor, cheap, expensive);
      }
    }
  }

  // Moves the start of the longest path from `nodes` to `own`.
  void keep_longest(std::vector<int32_t>& own, std::vector<int32_t>& nodes) const {
    const auto longest = std::max_element(nodes.begin(), nodes.end(),
                                          [this](int32_t a, int32_t b) { return shorter(a, b); });
    if (longest == nodes.end()) return;
    own.push_back(*longest);
    nodes.erase(longest);
  }

  // False when the node failed, or its result comes later.
  bool run_one(int32_t number) {
    const ProgramNode& node = partitions_.node(number);
    const size_t p = static_cast<size_t>(partitions_.program_of(number));
    const Program& program = partitions_.program(p);
    Values& values = step_.values(p);
    if (trace_) trace_->starts(number);
    try {
      KernelContext ctx(*node.info, program.session, values.inputs_of(node),
                        values.outputs_of(node), last_uses(node, program, values),
                        program.slot_dtypes.data() + node.first_slot);
      if (node.async) return start(number, node, ctx);
      node.kernel->compute(ctx);
      if (trace_) {
        trace_->settles(number);
        trace_->computed(number, values);
      }
      return true;
    } catch (...) {
      step_.fail(current_error(*node.info, values.describe_inputs(node)));
      return false;
    }
  }

  bool start(int32_t number, const ProgramNode& node, KernelContext& ctx) {
    pending_.fetch_add(1);
    bool finished = false;
    try {
      finished = static_cast<AsyncKernel*>(node.kernel)
                     ->start(ctx, step_.rendezvous(),
                             [this, number](std::exception_ptr error) { arrive(number, error); });
    } catch (...) {
      pending_.fetch_sub(1);
      throw;
    }
    if (!finished) return false;
    pending_.fetch_sub(1);
    record_arrival(number);
    return true;
  }

  // The result of an asynchronous node is there. Called on any thread; the last thing it does with
  // this object is to give up the lock.
  void arrive(int32_t number, const std::exception_ptr& error) {
    if (error) {
      fail(number, error);
    } else {
      record_arrival(number);
      if (running_dataflow == this) {
        running_list->push_back(~number);
      } else {
        publish({~number}, true);
      }
    }
    std::lock_guard<std::mutex> lock(mutex_);
    pending_.fetch_sub(1);
    ++events_;
    changed_.notify_one();
  }

  void fail(int32_t number, const std::exception_ptr& error) {
    if (step_.stopped()) return;  // an abort tells all that wait, and the step has its error
    try {
      std::rethrow_exception(error);
    } catch (...) {
      step_.fail(current_error(*partitions_.node(number).info));
    }
  }

  void record_arrival(int32_t number) {
    if (trace_) {
      trace_->computed(number, step_.values(static_cast<size_t>(partitions_.program_of(number))));
    }
  }

  // An input may be reused when this is the only read of its slot that is still to come.
  static uint64_t last_uses(const ProgramNode& node, const Program& program, Values& values) {
    const size_t n = std::min<size_t>(node.info->input_dtypes.size(), 64);
    uint64_t bits = 0;
    for (size_t i = 0; i < n; ++i) {
      const int32_t slot = program.input_slots[node.first_input + static_cast<int32_t>(i)];
      if (values.readers(slot).load(std::memory_order_acquire) == 1) bits |= uint64_t{1} << i;
    }
    return bits;
  }

  void release(int32_t number) {
    const ProgramNode& node = partitions_.node(number);
    const size_t p = static_cast<size_t>(partitions_.program_of(number));
    const Program& program = partitions_.program(p);
    Values& values = step_.values(p);
    const int32_t inputs = static_cast<int32_t>(node.info->input_dtypes.size());
    for (int32_t i = node.first_input; i < node.first_input + inputs; ++i) {
      const int32_t slot = program.input_slots[i];
      if (values.readers(slot).fetch_sub(1, std::memory_order_acq_rel) == 1) {
        values.slot(slot).reset();
      }
    }
    const int32_t outputs = static_cast<int32_t>(node.info->output_dtypes.size());
    for (int32_t slot = node.first_slot; slot < node.first_slot + outputs; ++slot) {
      if (program.slot_readers[slot] == 0) values.slot(slot).reset();
    }
    if (trace_) trace_->ends(number);
  }

  // On the calling thread, without the lock.
  void check_limits() {
    try {
      if (!step_.stopped()) step_.check_limits();
    } catch (const RunError& error) {
      step_.fail(error);
    }
  }

  // The calling thread has nothing to run: until something happens, or it is time to look at
  // the limits.
  void wait(std::unique_lock<std::mutex>& lock) {
    const int64_t seen = events_.load();
    const auto happened = [&] { return events_.load() != seen || finished(); };
    lock.unlock();
    const auto end = Clock::now() + kSpin;
    bool done = happened();
    while (!done && Clock::now() < end) {
      pause_briefly();
      done = happened();
    }
    lock.lock();
    if (done || changed_.wait_until(lock, step_.next_look(), happened)) return;
    lock.unlock();
    check_limits();
    lock.lock();
  }

  const Partitions& partitions_;
  const Profile& profile_;
  Step& step_;
  Trace* const trace_;
  ThreadPool& pool_;
  const int max_helpers_;
  std::mutex mutex_;
  std::condition_variable changed_;  // only the calling thread waits
  std::vector<int32_t> ready_;
  int helpers_ = 0;
  int coming_ = 0;
  int busy_ = 0;
  bool over_ = false;
  std::atomic<int> pending_{0};
  std::atomic<int64_t> events_{0};
  std::atomic<int64_t> remaining_;
};

}  // namespace

void run_dataflow(const Partitions& partitions, const Profile& profile, Step& step) {
  std::make_shared<Dataflow>(partitions, profile, step)->run();
}

}  // namespace penstock
