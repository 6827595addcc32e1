// What one run did, node by node: times, threads, results, and memory when asked for.
//
// A Trace is made for one run (RunOptions::trace) with room for every node, so that recording
// allocates nothing. Each node's record is written by whoever runs the node, one thread at a time;
// the others are read by nobody until the run has ended, well or not, and `finish` was called.
// Times are nanoseconds since 1970, taken from a clock that never goes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/values.h"

namespace penstock {

struct NodeTrace {
  int64_t scheduled = 0;  // when the last node that it waited for had finished
  int64_t start = 0;      // 0: never started
  int64_t computed = 0;   // 0: failed, or was still waiting when the run ended
  int64_t end = 0;        // its dead inputs are dropped
  uint32_t thread = 0;    // see `thread_number`
  // Live bytes of its device: when it started, when its results were there, when it ended.
  int64_t live_start = 0;
  int64_t live_computed = 0;
  int64_t live_end = 0;
};

struct OutputTrace {
  DType dtype = DType::kInvalid;  // kInvalid: never set
  Shape shape;
  size_t bytes = 0;
  size_t allocated = 0;  // bytes of its buffer, which it may share
  const void* data = nullptr;
};

class MemoryLog;
class Step;

class Trace {
 public:
  // `full`: memory too, and of devices that compute behind their callers' backs the times of the
  // kernels, not of their launches: each is waited for.
  // `memory`, which may be null, is told besides; nodes then run one at a time.
  Trace(const Partitions& partitions, bool full, MemoryLog* memory = nullptr);

  bool one_by_one() const { return memory_ != nullptr; }
  // Feeds and constants are in place.
  void begins(Step& step);

  // Node numbers are those over all partitions. A second `starts` of a node, when its result has
  // arrived, changes nothing.
  void starts(int32_t node);
  // After the node's kernel, before `computed`: waits for the device. Throws what the kernel left.
  void settles(int32_t node);
  void computed(int32_t node, Values& values);
  void ends(int32_t node);
  // After the run: fills in what follows from the rest.
  void finish();

  const Partitions& partitions() const { return partitions_; }
  uint32_t caller() const { return caller_; }
  const NodeTrace& node(int32_t node) const { return nodes_[node]; }
  const OutputTrace* outputs(int32_t node) const { return outputs_.data() + first_output_[node]; }

  // A small number that the calling thread keeps for its life.
  static uint32_t thread_number();

 private:
  int64_t now() const;
  Device& device_of(int32_t node) const;
  int64_t live_bytes(int32_t node) const;

  const Partitions& partitions_;
  const bool full_;
  MemoryLog* const memory_;
  const uint32_t caller_;
  int64_t epoch_ns_;
  std::chrono::steady_clock::time_point epoch_;
  std::vector<NodeTrace> nodes_;
  std::vector<OutputTrace> outputs_;
  std::vector<int32_t> first_output_;
};

}  // namespace penstock
