// All that changes in one run: the values of each program, the rendezvous where programs meet, and
// the reasons to stop. Steps are pooled by the Executor, so that a run allocates nothing.
//
// `fail`, `stopped` and `arrive` may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/rendezvous.h"
#include "runtime/run_error.h"
#include "runtime/trace.h"
#include "runtime/values.h"

namespace penstock {

using Clock = std::chrono::steady_clock;

struct RunOptions {
  int64_t timeout_ms = 0;  // 0: none
  // Asked on the calling thread about every 50 ms; true ends the run (Ctrl-C).
  bool (*interrupted)() = nullptr;
  Trace* trace = nullptr;  // records the run; null: nobody does
};

// How far the inline policy is in one program.
struct Strand {
  size_t next = 0;                    // the node that comes next
  bool started = false;               // it is asynchronous and has been started
  const ProgramNode* node = nullptr;  // and this is it
  bool arrived = false;               // and its result is there; guarded by the step
};

// The bounded memory of one program in one run.
struct Share {
  std::unique_ptr<Allocator> memory;  // null where there is no bound
  SessionState session;
};

class Step {
 public:
  explicit Step(const Partitions& partitions);

  // Arms the limits of a new run.
  void begin(const RunOptions& options);
  // After a run that went well: ready for the next one.
  void end();
  // Drops every value but the constants, whatever the run has left.
  void clear();

  // The planned memory of all programs; closed when no value of the run is needed any more.
  void open_arenas();
  void close_arenas();

  Values& values(size_t program) { return values_[program]; }
  Values& host() { return values_.front(); }
  Strand& strand(size_t program) { return strands_[program]; }
  // What the kernels of a program share: under a budget, its memory is a share of this run's own.
  const SessionState& session(size_t program) const {
    return shares_.empty() ? partitions_.program(program).session : shares_[program].session;
  }
  // The most that this run has allocated at a time on the program's device; 0 without a budget.
  int64_t share_peak(size_t program) const {
    const bool bounded = !shares_.empty() && shares_[program].memory;
    return bounded ? shares_[program].memory->stats().peak : 0;
  }
  Rendezvous& rendezvous() { return rendezvous_; }
  Trace* trace() const { return options_.trace; }

  // Throws when the run was cancelled, is past its deadline or was interrupted. Called by the
  // calling thread now and then; looks at the clock.
  void check_limits();
  // When the calling thread, if it has nothing else to do, should ask again: in 50 ms, or at the
  // deadline if that comes first.
  Clock::time_point next_look() const;
  // Ends the run with this error; the first one is kept, and told to whoever waits for a transfer.
  void fail(RunError error);
  // True once `fail` was called.
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  RunError take_error();

  // The result of the strand's node is there: from any thread, which then leaves the step alone.
  void arrive(Strand& strand);
  bool has_arrived(const Strand& strand);
  // Waits, on the calling thread, for an arrival or an error, until the next look at the limits at
  // most; not at all if one came since `arrivals` was read.
  uint64_t arrivals();
  void wait(uint64_t arrivals);
  // Waits until nothing that was started is under way any more.
  void drain();

 private:
  void open_shares();

  const Partitions& partitions_;
  std::vector<Share> shares_;  // by program; empty without a budget
  std::vector<Values> values_;
  std::unique_ptr<Strand[]> strands_;
  Rendezvous rendezvous_;

  RunOptions options_;
  uint64_t begun_ = 0;  // see Cancellation
  bool clock_started_ = false;
  Clock::time_point deadline_;
  Clock::time_point next_poll_;

  std::atomic<bool> stopped_{false};
  std::mutex mutex_;                 // guards error_, arrivals_ and Strand::arrived
  std::condition_variable changed_;  // one of those changed, or stopped_
  uint64_t arrivals_ = 0;
  std::optional<RunError> error_;
};

}  // namespace penstock
