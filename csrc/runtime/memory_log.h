// Who held which block of memory in one run, node by node: what `explain_memory` is told.
//
// A Trace that has one tells it when the run begins, and when a node has computed and has dropped
// its dead inputs; nodes must run one at a time. What is noted is read when the run has ended.
// Blocks are told by numbers that are unique among those that live at the same time. What a device
// cannot tell is left out: noting must not make a run fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/step.h"

namespace penstock {

// A block that somebody holds, and the tensor that is in it. `device` counts the partitions; -1 is
// memory that is none of theirs, such as a fed array's that was not copied.
struct Held {
  MemoryBlock block;
  int32_t device = -1;
  DType dtype = DType::kInvalid;
  Shape shape;
};

struct HeldByName {
  std::string name;
  Held held;
};

struct HeldBySlot {
  int32_t slot = 0;
  Held held;
};

// The bytes live on one device, and the most there were since the entry before.
struct Level {
  int64_t live = 0;
  int64_t peak = 0;
};

// What one node did, in the order in which nodes ended.
struct NodeMemory {
  int32_t node = 0;
  std::vector<HeldBySlot> outputs;    // when it had computed
  std::vector<HeldByName> variables;  // those it was given, with what they then held
  std::vector<Level> computed;        // by device: when it had computed
  std::vector<Level> ended;           // by device: when its dead inputs were dropped
};

// What one program holds when the run begins.
struct ProgramMemory {
  std::vector<HeldBySlot> feeds;
  std::vector<HeldBySlot> constants;
  std::vector<HeldByName> variables;  // of its device
};

class MemoryLog {
 public:
  explicit MemoryLog(const Partitions& partitions);
  ~MemoryLog();
  MemoryLog(const MemoryLog&) = delete;

  void begins(Step& step);
  void computed(int32_t node, Values& values);
  // Of the node that has computed last.
  void ends();

  const std::vector<Level>& first_levels() const { return first_levels_; }
  const std::vector<ProgramMemory>& programs() const { return programs_; }
  const std::vector<NodeMemory>& nodes() const { return nodes_; }

 private:
  Held held_by(const Tensor& tensor) const;
  void note(std::vector<HeldBySlot>& list, int32_t slot, const Tensor& tensor) const;
  void note(std::vector<HeldByName>& list, const std::string& name, Resource* resource) const;
  std::vector<Level> levels();

  const Partitions& partitions_;
  std::vector<int> windows_;  // by device
  std::vector<Level> first_levels_;
  std::vector<ProgramMemory> programs_;
  std::vector<NodeMemory> nodes_;
};

}  // namespace penstock
