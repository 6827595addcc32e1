// State of one parallel run, guarded by `mutex_` where it is not atomic:
//   ready_          expensive nodes that may run, a heap by the length of their path
//   helpers_        tasks given to the pool that have not ended
//   coming_         those of them that have not started
//   busy_           helpers inside a node or its cheap successors
//   remaining_      nodes that have not finished; at 0 nobody touches the step any more
// A helper may start after the run has ended: it shares the state, sees that, and leaves.
#include "runtime/dataflow.h"

#include <algorithm>
#include <condition_variable>

#include "runtime/pause.h"

namespace penstock {
namespace {

constexpr float kCheapNs = 5000.0f;  // a hand-over to another thread costs about as much
constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kSpin = std::chrono::microseconds(10);

class Dataflow : public std::enable_shared_from_this<Dataflow> {
 public:
  Dataflow(const Program& program, const Profile& profile, Step& step)
      : program_(program),
        profile_(profile),
        step_(step),
        max_helpers_(program.session.inter_pool->num_threads() - 1),
        remaining_(static_cast<int64_t>(program.nodes.size())) {}

  void run() {
    step_.reset_counts();
    std::vector<int32_t> cheap;
    std::vector<int32_t> expensive;
    for (size_t i = program_.nodes.size(); i-- > 0;) {
      if (program_.nodes[i].num_predecessors == 0)
        sort_in(static_cast<int32_t>(i), cheap, expensive);
    }
    publish(expensive, !cheap.empty());
    run_all(cheap, true);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!finished()) {
      if (!take_and_run(lock, true)) wait(lock);
    }
    over_ = true;
    while (busy_ > 0) changed_.wait(lock);
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

  bool shorter(int32_t a, int32_t b) const { return profile_.path_ns(a) < profile_.path_ns(b); }

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
      program_.session.inter_pool->schedule([self = shared_from_this()] { self->help(); });
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
    std::vector<int32_t> expensive;
    while (!own.empty() && !step_.stopped()) {
      const int32_t node = own.back();
      own.pop_back();
      if (!run_one(program_.nodes[node])) return;
      expensive.clear();
      const Range next = program_.nodes[node].successors;
      for (int32_t s = next.begin; s < next.end; ++s) {
        const int32_t successor = program_.successors[s];
        if (step_.waiting(successor).fetch_sub(1, std::memory_order_acq_rel) == 1) {
          sort_in(successor, own, expensive);
        }
      }
      if (own.empty()) keep_longest(own, expensive);
      publish(expensive, !own.empty());
      if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) ++events_;
      if (caller && profile_.node_ns(node) >= kCheapNs) check_limits();
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

  // False when the node failed.
  bool run_one(const ProgramNode& node) {
    try {
      KernelContext ctx(*node.info, program_.session, step_.inputs_of(node), step_.outputs_of(node),
                        last_uses(node), program_.slot_dtypes.data() + node.first_slot);
      node.kernel->compute(ctx);
      release(node);
      return true;
    } catch (...) {
      step_.fail(current_error(*node.info, step_.describe_inputs(node)));
      return false;
    }
  }

  // An input may be reused when this is the only read of its slot that is still to come.
  uint64_t last_uses(const ProgramNode& node) const {
    const size_t n = std::min<size_t>(node.info->input_dtypes.size(), 64);
    uint64_t bits = 0;
    for (size_t i = 0; i < n; ++i) {
      const int32_t slot = program_.input_slots[node.first_input + static_cast<int32_t>(i)];
      if (step_.readers(slot).load(std::memory_order_acquire) == 1) bits |= uint64_t{1} << i;
    }
    return bits;
  }

  void release(const ProgramNode& node) {
    const int32_t inputs = static_cast<int32_t>(node.info->input_dtypes.size());
    for (int32_t i = node.first_input; i < node.first_input + inputs; ++i) {
      const int32_t slot = program_.input_slots[i];
      if (step_.readers(slot).fetch_sub(1, std::memory_order_acq_rel) == 1)
        step_.slot(slot).reset();
    }
    const int32_t outputs = static_cast<int32_t>(node.info->output_dtypes.size());
    for (int32_t slot = node.first_slot; slot < node.first_slot + outputs; ++slot) {
      if (program_.slot_readers[slot] == 0) step_.slot(slot).reset();
    }
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
    if (done || changed_.wait_for(lock, kPoll, happened)) return;
    lock.unlock();
    check_limits();
    lock.lock();
  }

  const Program& program_;
  const Profile& profile_;
  Step& step_;
  const int max_helpers_;
  std::mutex mutex_;
  std::condition_variable changed_;  // only the calling thread waits
  std::vector<int32_t> ready_;
  int helpers_ = 0;
  int coming_ = 0;
  int busy_ = 0;
  bool over_ = false;
  std::atomic<int64_t> events_{0};
  std::atomic<int64_t> remaining_;
};

}  // namespace

void run_dataflow(const Program& program, const Profile& profile, Step& step) {
  std::make_shared<Dataflow>(program, profile, step)->run();
}

}  // namespace penstock
