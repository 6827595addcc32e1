// The inline policy, and what both policies share: steps, feeds, fetches.
#include "runtime/executor.h"

#include <algorithm>

#include "runtime/dataflow.h"
#include "runtime/memory_report.h"

namespace penstock {
namespace {

// Limits are looked at after this much work: 1 for each node and for each 8 KiB it made.
constexpr int64_t kCheckEvery = 16;
constexpr int kBytesShift = 13;
// Kernels lie scattered in memory: in long programs each is asked for some nodes early.
constexpr std::ptrdiff_t kPrefetch = 6;

inline int64_t weight(const ProgramNode& node, Step& step) {
  if (node.cost == Cost::kHeavy) return kCheckEvery;
  if (node.info->output_dtypes.empty()) return 1;
  const Buffer* buffer = step.slot(node.first_slot).buffer().get();
  return 1 + (buffer ? static_cast<int64_t>(buffer->bytes >> kBytesShift) : 0);
}

inline void run_node(const Program& program, Step& step, const ProgramNode& node) {
  KernelContext ctx(*node.info, program.session, step.inputs_of(node), step.outputs_of(node),
                    node.last_use, program.slot_dtypes.data() + node.first_slot);
  node.kernel->compute(ctx);
}

inline void drop_dead(const Program& program, Step& step, const ProgramNode& node) {
  for (int32_t d = node.dead.begin; d < node.dead.end; ++d) {
    step.slot(program.dead_slots[d]).reset();
  }
}

// A kernel that forgets an output, or makes one of another dtype, is our mistake.
void verify_outputs(Step& step, const ProgramNode& node) {
  const std::vector<DType>& dtypes = node.info->output_dtypes;
  for (size_t o = 0; o < dtypes.size(); ++o) {
    const Tensor& output = step.slot(node.first_slot + static_cast<int32_t>(o));
    invariant(output.dtype() == dtypes[o], "output ", o, " should be ", dtypes[o],
              ", the kernel made ", output.to_string());
  }
}

// Calls after(node) between a node's kernel and the death of its inputs.
template <class After>
void run_inline(const Program& program, Step& step, const After& after) {
  const ProgramNode* node = program.nodes.data();
  const ProgramNode* const end = node + program.nodes.size();
  int64_t budget = kCheckEvery;
  try {
    for (; node != end; ++node) {
      if (end - node > kPrefetch) __builtin_prefetch(node[kPrefetch].kernel);
      run_node(program, step, *node);
      after(*node);
      budget -= weight(*node, step);
      drop_dead(program, step, *node);
      if (budget <= 0) {
        step.check_limits();
        budget = kCheckEvery;
      }
    }
  } catch (const RunError&) {
    throw;
  } catch (...) {
    throw current_error(*node->info, step.describe_inputs(*node));
  }
}

void run_measured(const Program& program, Step& step, Profile& profile) {
  std::vector<NodeCost> costs(program.nodes.size());
  auto last = Clock::now();
  int64_t loops = ThreadPool::loops_shared_here();
  try {
    run_inline(program, step, [&](const ProgramNode& node) {
      NodeCost& cost = costs[static_cast<size_t>(&node - program.nodes.data())];
      cost.spreads = ThreadPool::loops_shared_here() != loops;
      loops = ThreadPool::loops_shared_here();
      const auto now = Clock::now();
      cost.ns = std::chrono::duration<float, std::nano>(now - last).count();
      last = now;
    });
  } catch (...) {
    profile.finish(nullptr);
    throw;
  }
  profile.finish(&costs);
}

}  // namespace

Executor::Executor(std::unique_ptr<Program> program)
    : program_(std::move(program)), profile_(*program_) {
  const std::vector<int32_t>& fetches = program_->fetch_slots;
  for (auto it = fetches.begin(); it != fetches.end(); ++it) {
    bool again = std::find(it + 1, fetches.end(), *it) != fetches.end();
    for (const auto& constant : program_->constants) again |= constant.first == *it;
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
  return new Step(*program_);
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
  if (__builtin_expect(!verified_.load(std::memory_order_relaxed), 0)) {
    run_inline(*program_, step, [&](const ProgramNode& node) { verify_outputs(step, node); });
    verified_.store(true, std::memory_order_relaxed);
    return Mode::kInline;
  }
  const Mode mode = profile_.next_mode();
  if (mode == Mode::kInline) {
    run_inline(*program_, step, [](const ProgramNode&) {});
  } else if (mode == Mode::kMeasured) {
    run_measured(*program_, step, profile_);
  } else {
    run_dataflow(*program_, profile_, step);
  }
  return mode;
}

void Executor::take_fetches(Step& step, Tensor* fetches) {
  for (size_t i = 0; i < program_->fetch_slots.size(); ++i) {
    Tensor& slot = step.slot(program_->fetch_slots[i]);
    if (fetch_again_[i]) {
      fetches[i] = slot;
    } else {
      fetches[i] = std::move(slot);
      slot.reset();
    }
  }
}

void Executor::run(Tensor* feeds, Tensor* fetches, const RunOptions& options, RunStats* stats) {
  Allocator& allocator = *program_->session.allocator;
  MemoryStats before;
  if (stats) {
    before = allocator.stats();
    allocator.begin_window();
  }
  Step* const step = take_step();
  step->begin(options);
  for (size_t i = 0; i < program_->feeds.size(); ++i) {
    step->slot(program_->feeds[i].slot) = std::move(feeds[i]);
  }
  Mode mode;
  try {
    mode = run_nodes(*step);
    take_fetches(*step, fetches);
  } catch (RunError& error) {
    if (error.code() == Code::kResourceExhausted && error.details.empty()) {
      error.details = describe_memory(*program_, step);
    }
    step->clear();
    give_back(step);
    throw;
  } catch (...) {
    step->clear();
    give_back(step);
    throw;
  }
  for (const FeedInfo& feed : program_->feeds) step->slot(feed.slot).reset();
  give_back(step);
  if (stats) {
    const MemoryStats after = allocator.stats();
    stats->live_before = before.live;
    stats->live_after = after.live;
    stats->peak = allocator.window_peak();
    stats->allocations = after.allocations - before.allocations;
    stats->mode = mode;
  }
}

}  // namespace penstock
