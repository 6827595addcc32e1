// The inline policy, and what both policies share: steps, feeds, fetches.
#include "runtime/executor.h"

#include <algorithm>
#include <utility>

#include "runtime/async_kernel.h"
#include "runtime/dataflow.h"
#include "runtime/memory_report.h"

namespace penstock {
namespace {

// Limits are looked at after this much work: 1 for each node and for each 8 KiB it made.
constexpr int64_t kCheckEvery = 16;
constexpr int kBytesShift = 13;
// Kernels lie scattered in memory: in long programs each is asked for some nodes early.
constexpr std::ptrdiff_t kPrefetch = 6;

inline int64_t weight(const ProgramNode& node, Values& values) {
  if (node.cost == Cost::kHeavy) return kCheckEvery;
  if (node.info->output_dtypes.empty()) return 1;
  const Buffer* buffer = values.slot(node.first_slot).buffer().get();
  return 1 + (buffer ? static_cast<int64_t>(buffer->bytes >> kBytesShift) : 0);
}

// What an asynchronous kernel reported, as an error of its node.
RunError error_at(const ProgramNode& node, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return current_error(*node.info);
  }
}

// False when the node's result comes later.
inline bool run_node(const Program& program, const SessionState& session, Step& step, size_t p,
                     Values& values, const ProgramNode& node) {
  KernelContext ctx(*node.info, session, values.inputs_of(node), values.outputs_of(node),
                    node.last_use, program.slot_dtypes.data() + node.first_slot);
  if (__builtin_expect(!node.async, 1)) {
    node.kernel->compute(ctx);
    return true;
  }
  Strand& strand = step.strand(p);
  if (strand.started) {
    strand.started = false;
    return true;
  }
  strand.node = &node;
  strand.arrived = false;
  const bool finished =
      static_cast<AsyncKernel*>(node.kernel)
          ->start(ctx, step.rendezvous(), [&step, &strand](std::exception_ptr error) {
            if (error) step.fail(error_at(*strand.node, error));
            step.arrive(strand);
          });
  strand.started = !finished;
  return finished;
}

inline void drop_dead(const Program& program, Values& values, const ProgramNode& node) {
  for (int32_t d = node.dead.begin; d < node.dead.end; ++d) {
    values.slot(program.dead_slots[d]).reset();
  }
}

// A kernel that forgets an output, or makes one of another dtype, is our mistake.
void verify_outputs(Values& values, const ProgramNode& node) {
  const std::vector<DType>& dtypes = node.info->output_dtypes;
  for (size_t o = 0; o < dtypes.size(); ++o) {
    const Tensor& output = values.slot(node.first_slot + static_cast<int32_t>(o));
    invariant(output.dtype() == dtypes[o], "output ", o, " should be ", dtypes[o],
              ", the kernel made ", output.to_string());
  }
}

// Who looks on while nodes run; this one looks away, and costs nothing.
struct Onlooker {
  // Before the node's kernel; again when the result of an asynchronous one has arrived.
  void starts(const Program&, const ProgramNode&) const {}
  // Between the kernel and the death of its inputs.
  void computed(Values&, const ProgramNode&) const {}
  void ends(const Program&, const ProgramNode&) const {}
};

// Looks at results only.
template <class Look>
struct OnResults : Onlooker {
  explicit OnResults(const Look& l) : look(l) {}
  void computed(Values& values, const ProgramNode& node) const { look(values, node); }
  const Look& look;
};

// Records everything.
struct Tracing {
  size_t number_of(const Program& program, const ProgramNode& node) const {
    return trace.partitions().number_of(program, node);
  }
  void starts(const Program& program, const ProgramNode& node) const {
    trace.starts(static_cast<int32_t>(number_of(program, node)));
  }
  void computed(Values& values, const ProgramNode& node) const {
    const int32_t number = static_cast<int32_t>(number_of(values.program(), node));
    if (!node.async) trace.settles(number);
    trace.computed(number, values);
  }
  void ends(const Program& program, const ProgramNode& node) const {
    trace.ends(static_cast<int32_t>(number_of(program, node)));
  }
  Trace& trace;
};

// Runs the nodes of program `p` from number `next` on; returns how far it came: to the end, or to
// an asynchronous node whose result is not there yet.
template <class Watch>
size_t run_inline(const Program& program, Step& step, size_t p, size_t next, const Watch& watch) {
  Values& values = step.values(p);
  const SessionState& session = step.session(p);
  const ProgramNode* const begin = program.nodes.data();
  const ProgramNode* node = begin + next;
  const ProgramNode* const end = begin + program.nodes.size();
  int64_t budget = kCheckEvery;
  try {
    for (; node != end; ++node) {
      if (end - node > kPrefetch) __builtin_prefetch(node[kPrefetch].kernel);
      watch.starts(program, *node);
      if (__builtin_expect(!run_node(program, session, step, p, values, *node), 0)) break;
      watch.computed(values, *node);
      budget -= weight(*node, values);
      drop_dead(program, values, *node);
      watch.ends(program, *node);
      if (budget <= 0) {
        step.check_limits();
        budget = kCheckEvery;
      }
    }
  } catch (const RunError&) {
    throw;
  } catch (...) {
    throw current_error(*node->info, values.describe_inputs(*node));
  }
  return static_cast<size_t>(node - begin);
}

// The same with what the node allocates from the planned memory, where it has a place there.
template <class Watch>
struct InArena {
  void starts(const Program& program, const ProgramNode& node) const {
    const auto outputs = static_cast<int32_t>(node.info->output_dtypes.size());
    scope.expect(node.first_slot, node.first_slot + outputs);
    watch.starts(program, node);
  }
  void computed(Values& values, const ProgramNode& node) const { watch.computed(values, node); }
  void ends(const Program& program, const ProgramNode& node) const { watch.ends(program, node); }
  const Watch& watch;
  ArenaScope& scope;
};

template <class Watch>
size_t run_planned(const Program& program, Step& step, size_t p, size_t next, const Watch& watch) {
  Arena* const arena = step.values(p).arena();
  if (__builtin_expect(!arena, 1)) return run_inline(program, step, p, next, watch);
  ArenaScope scope(*arena, *step.session(p).allocator);
  return run_inline(program, step, p, next, InArena<Watch>{watch, scope});
}

// One strand a program, in turn, until all are at their end.
template <class Watch>
void run_strands(const Partitions& partitions, Step& step, const Watch& watch) {
  for (bool finished = false; !finished;) {
    const uint64_t arrivals = step.arrivals();
    bool moved = false;
    finished = true;
    for (size_t p = 0; p < partitions.size(); ++p) {
      if (step.stopped()) throw step.take_error();
      Strand& strand = step.strand(p);
      const Program& program = partitions.program(p);
      if (strand.next == program.nodes.size()) continue;
      if (!strand.started || step.has_arrived(strand)) {
        strand.next = run_planned(program, step, p, strand.next, watch);
        moved = true;
      }
      finished = finished && strand.next == program.nodes.size();
    }
    if (finished || moved) continue;
    step.wait(arrivals);
    step.check_limits();
  }
}

template <class Watch>
void run_all_inline(const Partitions& partitions, Step& step, const Watch& watch) {
  if (__builtin_expect(partitions.size() == 1 && !partitions.has_async(), 1)) {
    run_planned(partitions.host(), step, 0, 0, watch);
    return;
  }
  try {
    run_strands(partitions, step, watch);
  } catch (const RunError& error) {
    step.fail(error);  // so that nobody waits any more for what will not be sent
    step.drain();
    throw;
  }
}

void run_measured(const Partitions& partitions, Step& step, Profile& profile) {
  std::vector<NodeCost> costs(static_cast<size_t>(partitions.num_nodes()));
  auto last = Clock::now();
  int64_t loops = ThreadPool::loops_shared_here();
  const auto measure = [&](Values& values, const ProgramNode& node) {
    NodeCost& cost = costs[partitions.number_of(values.program(), node)];
    cost.spreads = ThreadPool::loops_shared_here() != loops;
    loops = ThreadPool::loops_shared_here();
    const auto now = Clock::now();
    cost.ns = std::chrono::duration<float, std::nano>(now - last).count();
    last = now;
  };
  try {
    run_all_inline(partitions, step, OnResults(measure));
  } catch (...) {
    profile.finish(nullptr);
    throw;
  }
  profile.finish(&costs);
}

// Looks at the memory of a program's device from its making to `end`.
class DeviceWatch {
 public:
  explicit DeviceWatch(const Program& program)
      : device_(program.device),
        before_(device_->memory_stats()),
        window_(device_->begin_window()) {}
  DeviceWatch(DeviceWatch&& other) noexcept
      : device_(std::exchange(other.device_, nullptr)),
        before_(other.before_),
        window_(other.window_) {}
  ~DeviceWatch() {
    if (!device_) return;
    try {
      device_->end_window(window_);
    } catch (...) {  // the run has failed already
    }
  }

  DeviceRunStats end() {
    Device& device = *std::exchange(device_, nullptr);
    const int64_t peak = device.end_window(window_);
    const MemoryStats after = device.memory_stats();
    return {before_.live, after.live, peak, after.allocations - before_.allocations, 0};
  }

 private:
  Device* device_;  // null once it has ended
  MemoryStats before_;
  int window_;
};

}  // namespace

Executor::Executor(Partitions partitions)
    : partitions_(std::move(partitions)), profile_(partitions_) {
  for (size_t p = 0; p < partitions_.size(); ++p) {
    planned_ = planned_ || !partitions_.program(p).layout.empty();
  }
  const std::vector<int32_t>& fetches = host().fetch_slots;
  for (auto it = fetches.begin(); it != fetches.end(); ++it) {
    bool again = std::find(it + 1, fetches.end(), *it) != fetches.end();
    for (const auto& constant : host().constants) again |= constant.first == *it;
    fetch_again_.push_back(again);
  }
}

Executor::~Executor() { delete spare_.load(); }

Step* Executor::take_step() {
  if (Step* step = spare_.exchange(nullptr, std::memory_order_acquire)) return step;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!more_spares_.empty()) {
      Step* step = more_spares_.back().release();
      more_spares_.pop_back();
      return step;
    }
  }
  return new Step(partitions_);
}

void Executor::give_back(Step* step) {
  Step* none = nullptr;
  if (spare_.compare_exchange_strong(none, step, std::memory_order_release,
                                     std::memory_order_relaxed)) {
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  more_spares_.emplace_back(step);
}

Mode Executor::run_nodes(Step& step) {
  if (__builtin_expect(step.trace() != nullptr, 0)) return run_traced(step);
  if (__builtin_expect(!verified_.load(std::memory_order_relaxed), 0)) {
    step.open_arenas();
    run_all_inline(partitions_, step, OnResults(verify_outputs));
    verified_.store(true, std::memory_order_relaxed);
    return Mode::kInline;
  }
  const Mode mode = profile_.next_mode();
  if (planned_ && mode != Mode::kParallel) step.open_arenas();
  if (mode == Mode::kInline) {
    run_all_inline(partitions_, step, Onlooker());
  } else if (mode == Mode::kMeasured) {
    run_measured(partitions_, step, profile_);
  } else {
    run_dataflow(partitions_, profile_, step);
  }
  return mode;
}

// As the next run would be done, but that what is recorded neither verifies nor measures: looking
// at the clock and the memory so often would spoil the figures.
Mode Executor::run_traced(Step& step) {
  Mode mode = verified_.load() ? profile_.next_mode() : Mode::kInline;
  if (mode == Mode::kParallel && !step.trace()->one_by_one()) {
    run_dataflow(partitions_, profile_, step);
    return mode;
  }
  if (mode == Mode::kMeasured) profile_.finish(nullptr);
  run_all_inline(partitions_, step, Tracing{*step.trace()});
  return Mode::kInline;
}

void Executor::take_fetches(Step& step, Tensor* fetches) {
  const std::vector<int32_t>& slots = host().fetch_slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    Tensor& slot = step.host().slot(slots[i]);
    if (__builtin_expect(planned_, 0) && slot.buffer() && Arena::lent(*slot.buffer().get())) {
      slot = deep_copy(slot, *host().session.allocator);  // the plan expected fresh memory
    }
    if (fetch_again_[i]) {
      fetches[i] = slot;
    } else {
      fetches[i] = std::move(slot);
      slot.reset();
    }
  }
}

// In a catch block: the step back to the pool, and the error on, with a report of the memory if it
// is about that.
void Executor::give_up(Step* step) {
  std::exception_ptr error = std::current_exception();
  try {
    throw;
  } catch (RunError& known) {
    if (known.code() == Code::kResourceExhausted && known.details.empty()) {
      known.details = describe_memory(partitions_, step, known.device);
    }
  } catch (...) {
  }
  step->clear();
  give_back(step);
  std::rethrow_exception(error);
}

void Executor::note_run(const Step& step, Mode mode, RunStats& stats) const {
  stats.mode = mode;
  stats.devices.resize(partitions_.size());
  for (size_t p = 0; p < partitions_.size(); ++p) stats.devices[p].share_peak = step.share_peak(p);
}

void Executor::run(Tensor* feeds, Tensor* fetches, const RunOptions& options, RunStats* stats) {
  if (__builtin_expect(!stats, 1)) return run_step(feeds, fetches, options, nullptr);
  std::vector<DeviceWatch> watches;
  watches.reserve(partitions_.size());
  for (size_t p = 0; p < partitions_.size(); ++p) watches.emplace_back(partitions_.program(p));
  run_step(feeds, fetches, options, stats);
  for (size_t p = 0; p < watches.size(); ++p) {
    const int64_t share_peak = stats->devices[p].share_peak;
    stats->devices[p] = watches[p].end();
    stats->devices[p].share_peak = share_peak;
  }
}

void Executor::run_step(Tensor* feeds, Tensor* fetches, const RunOptions& options,
                        RunStats* stats) {
  Step* const step = take_step();
  step->begin(options);
  for (size_t i = 0; i < host().feeds.size(); ++i) {
    step->host().slot(host().feeds[i].slot) = std::move(feeds[i]);
  }
  try {
    if (__builtin_expect(options.trace != nullptr, 0)) options.trace->begins(*step);
    const Mode mode = run_nodes(*step);
    if (__builtin_expect(stats != nullptr, 0)) note_run(*step, mode, *stats);
    take_fetches(*step, fetches);
  } catch (...) {
    give_up(step);
  }
  for (const FeedInfo& feed : host().feeds) step->host().slot(feed.slot).reset();
  if (planned_) step->close_arenas();
  if (partitions_.has_async()) step->end();
  give_back(step);
}

}  // namespace penstock
