// All that changes in one run of a Program: the slots, the counts of the parallel policy, and
// the reasons to stop. Steps are pooled by the Executor, so that a run allocates nothing.
//
// One thread prepares a step and takes its results; in between, kernels of several threads
// write their own slots. `fail` and `stopped` may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/program.h"
#include "runtime/run_error.h"

namespace penstock {

using Clock = std::chrono::steady_clock;

struct RunOptions {
  int64_t timeout_ms = 0;  // 0: none
  // Asked on the calling thread about every 50 ms; true ends the run (Ctrl-C).
  bool (*interrupted)() = nullptr;
};

class Step {
 public:
  explicit Step(const Program& program);

  // Arms the limits of a new run.
  void begin(const RunOptions& options);
  // Drops every value but the constants, whatever the run has left.
  void clear();

  Tensor& slot(int32_t i) { return slots_[i]; }
  // The inputs and outputs of a node, as KernelContext wants them.
  Tensor* const* inputs_of(const ProgramNode& node) const {
    return inputs_.data() + node.first_input;
  }
  Tensor* outputs_of(const ProgramNode& node) { return slots_.data() + node.first_slot; }
  std::vector<std::string> describe_inputs(const ProgramNode& node) const;

  // Throws when the run was cancelled, is past its deadline or was interrupted. Called by the
  // calling thread now and then; looks at the clock.
  void check_limits();
  // Ends the run with this error; the first one is kept.
  void fail(RunError error);
  // True once `fail` was called.
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  RunError take_error();

  // For the parallel policy: per node the predecessors that have not finished, per slot the
  // reads that are still to come. Made on the first `reset_counts`.
  void reset_counts();
  std::atomic<int32_t>& waiting(int32_t node) { return waiting_[node]; }
  std::atomic<int32_t>& readers(int32_t slot) { return readers_[slot]; }

 private:
  const Program& program_;
  std::vector<Tensor> slots_;
  std::vector<Tensor*> inputs_;  // as Program::input_slots, pointing into slots_
  std::unique_ptr<std::atomic<int32_t>[]> waiting_;
  std::unique_ptr<std::atomic<int32_t>[]> readers_;

  RunOptions options_;
  uint64_t cancel_epoch_ = 0;  // of the session, when the run began
  bool clock_started_ = false;
  Clock::time_point deadline_;
  Clock::time_point next_poll_;

  std::atomic<bool> stopped_{false};
  std::mutex mutex_;  // guards error_
  std::optional<RunError> error_;
};

}  // namespace penstock
