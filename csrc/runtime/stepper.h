// A run that somebody else drives, node by node: for looking at how a step goes.
//
// Any node that is ready may be run next; its result can be looked at until nothing reads it any
// more (or for good, with `keep`). A node that fails can be looked at, inputs and all, and tried
// again. Not thread-safe. Numbers of nodes are those of Partitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/step.h"

namespace penstock {

enum class NodeState : uint8_t {
  kWaiting,  // for another node, or for a transfer
  kReady,
  kDone,
  kFailed,
};

class Stepper {
 public:
  // `feeds` in feed order. `keep`: values stay when nothing reads them any more.
  Stepper(const Partitions& partitions, std::vector<Tensor> feeds, bool keep);

  NodeState state(int32_t node) const { return states_[static_cast<size_t>(node)]; }
  // In the order in which a single thread would run them, device by device.
  std::vector<int32_t> ready() const;
  // The nodes that this one still waits for: predecessors, and the sender of what it receives.
  std::vector<int32_t> waits_for(int32_t node) const;
  // Runs a node that is ready. A RunError names it; FailedPrecondition when it is not ready.
  void run(int32_t node);
  bool finished() const { return remaining_ == 0; }

  // The value of an output; none where it has not been made, or is gone.
  std::optional<Tensor> value(int32_t node, int output);
  // Of a constant or a feed of the host, by the name of the node or the fed tensor.
  std::optional<Tensor> value_of_name(const std::string& name);
  // Once all nodes are done.
  std::vector<Tensor> fetches();

 private:
  void finish(int32_t node);
  void release(int32_t node);
  void lessen(int32_t node);

  const Partitions& partitions_;
  Step step_;
  const bool keep_;
  std::vector<NodeState> states_;
  std::vector<int32_t> missing_;  // per node, what it waits for
  std::vector<int32_t> sender_;   // per node: who sends what it receives; -1
  int32_t remaining_;
};

}  // namespace penstock
