// A Program is what a plan loads: the nodes of one partition in an order that respects every
// edge, kernels chosen, edges and counts as dense numbers. Immutable, shared by all steps.
//
// Slots: every output of every node has one slot in a Step; feeds (`_Arg`) own slots that the
// step fills, fetches (`_Retval`) name the slot they read. `ProgramBuilder` is the border to
// Python: typed calls, no parsing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/kernel.h"
#include "runtime/kernel_registry.h"

namespace penstock {

// An input of a node: output `output` of node `node`.
struct Endpoint {
  int32_t node;
  int32_t output;
};

struct ProgramNode {
  NodeInfo info;
  std::unique_ptr<Kernel> kernel;  // null for _Arg and Const
  Cost cost = Cost::kElements;
  int32_t first_slot = 0;  // of its outputs
  int32_t num_outputs = 0;
  int32_t first_input = 0;  // into Program::input_slots
  int32_t num_inputs = 0;
  int32_t num_predecessors = 0;     // distinct nodes that must finish before, data and control
  uint64_t last_use_in_order = 0;   // bit i: in the given order this is input i's last reader
  std::vector<int32_t> successors;  // distinct nodes that wait for this one
};

struct FeedInfo {
  int32_t slot;
  DType dtype;
  PartialShape shape;  // what a fed value must be compatible with
  std::string name;    // of the fed tensor, "x:0"
};

class Program {
 public:
  std::vector<ProgramNode> nodes;  // in execution order
  std::vector<int32_t> input_slots;
  std::vector<int32_t> slot_readers;  // per slot: number of reading inputs, fetches included
  std::vector<std::vector<int32_t>> dead_slots;       // per node: slots no longer needed after it
  std::vector<std::pair<int32_t, Tensor>> constants;  // slots that always hold the same tensor
  std::vector<FeedInfo> feeds;                        // by feed index
  std::vector<int32_t> fetch_slots;                   // by fetch index
  int32_t num_slots = 0;
};

class ProgramBuilder {
 public:
  ProgramBuilder(const KernelRegistry& registry, SessionState session);

  // Adds a node whose inputs and control inputs are already there; returns its number.
  // `outputs` are the dtypes of its outputs. `_Arg` and `_Retval` carry attribute `index`.
  int add_node(std::string name, std::string op, std::string device, std::vector<Endpoint> inputs,
               std::vector<int32_t> control_inputs, Attrs attrs, std::vector<DType> outputs);
  std::shared_ptr<Program> build();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace penstock
