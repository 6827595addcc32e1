// What the nodes cost on this machine, over all programs of a step, and which policy that makes the
// better one.
//
// The executor measures two runs after the first, which pays for page faults and libraries'
// set-up. From the node times follow the work (their sum) and
// the span (the longest path); where work / span promises enough, runs go parallel.
// `begin_measuring` ... `end_measuring` by one thread at a time; `mode` from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/partitions.h"

namespace penstock {

enum class Mode : uint8_t {
  kInline,    // the calling thread runs the nodes in their order
  kMeasured,  // the same, with a look at the clock after each node
  kParallel,  // nodes run side by side: dataflow.h
};

// One node in a measured run.
struct NodeCost {
  float ns = 0;
  bool spreads = false;  // it shared a loop with other threads
};

class Profile {
 public:
  explicit Profile(const Partitions& partitions);

  // How the next run is to be done. A caller that gets kMeasured must call `finish`.
  Mode next_mode();
  // The nodes' costs in this measured run; of each the smallest of all such runs counts.
  // Without costs (the run failed) the attempt does not count.
  void finish(const std::vector<NodeCost>* costs);

  // These two: valid once `next_mode` has said kParallel.
  float node_ns(int32_t node) const { return costs_[node].ns; }
  // The time from the start of the node to the end of the longest path that begins with it.
  float path_ns(int32_t node) const { return path_ns_[node]; }
  // Estimate for one inline run; 0 before it was measured.
  double work_ns() const { return work_ns_.load(std::memory_order_relaxed); }

 private:
  bool worth_parallel();
  bool lengthen_paths();

  const Partitions& partitions_;
  std::vector<NodeCost> costs_;
  std::vector<float> path_ns_;
  int measured_ = 0;
  std::atomic<double> work_ns_{0};
  std::atomic<bool> measuring_{false};
  std::atomic<Mode> decided_{Mode::kMeasured};  // kMeasured: not decided yet
};

}  // namespace penstock
