// Runs Partitions: takes a pooled Step, gives it the feeds, lets one of two policies run the
// nodes, takes the fetches out. `run` may be called from many threads at once; each call has
// its own Step.
//
// Inline: the calling thread runs the nodes in their order, without atomics; of several programs
// it runs each until a value is missing that another one sends. Parallel: dataflow.h. Profile
// chooses. The first error of a run ends it in all programs; it is thrown as a RunError after all
// kernels have come to rest, and the executor is as usable as before.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/profile.h"
#include "runtime/step.h"

namespace penstock {

// The memory of one device in one run, in bytes. What runs at the same time do counts too.
struct DeviceRunStats {
  int64_t live_before = 0;
  int64_t live_after = 0;
  int64_t peak = 0;
  int64_t allocations = 0;
  int64_t share_peak = 0;  // what the run itself had allocated at a time, where it has a budget
};

struct RunStats {
  std::vector<DeviceRunStats> devices;  // by program
  Mode mode = Mode::kInline;
};

class Executor {
 public:
  explicit Executor(Partitions partitions);
  ~Executor();

  const Partitions& partitions() const { return partitions_; }
  // The program of the host: the one with feeds and fetches.
  const Program& host() const { return partitions_.host(); }
  // The measured time of one inline run; 0 while unknown.
  double work_ns() const { return profile_.work_ns(); }

  // `feeds` are moved from, in feed order; `fetches` are set, in fetch order. Checks neither
  // the dtypes nor the shapes of feeds: whoever converts values does.
  void run(Tensor* feeds, Tensor* fetches, const RunOptions& options = {},
           RunStats* stats = nullptr);

 private:
  void run_step(Tensor* feeds, Tensor* fetches, const RunOptions& options, RunStats* stats);
  void note_run(const Step& step, Mode mode, RunStats& stats) const;
  Step* take_step();
  void give_back(Step* step);
  Mode run_nodes(Step& step);
  Mode run_traced(Step& step);
  void take_fetches(Step& step, Tensor* fetches);
  [[noreturn]] void give_up(Step* step);

  const Partitions partitions_;
  Profile profile_;
  bool planned_ = false;           // a program has a layout for its memory
  std::vector<bool> fetch_again_;  // per fetch: a later fetch reads the same slot, or a constant
  std::atomic<bool> verified_{false};

  std::atomic<Step*> spare_{nullptr};  // the step of a program that runs one call at a time
  std::mutex mutex_;                   // guards more_spares_
  std::vector<std::unique_ptr<Step>> more_spares_;
};

}  // namespace penstock
