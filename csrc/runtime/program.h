// A Program is what a plan loads: the nodes of one partition in an order that respects every
// edge, kernels chosen, edges and counts as dense numbers. Immutable, shared by all steps.
//
// Slots: every output of every node has one slot in a Step; feeds (`_Arg`) own slots that the
// step fills, constants own slots that are filled once, fetches (`_Retval`) name the slot
// they read. These three have no kernel and are no ProgramNode. `ProgramBuilder` is the
// border to Python: typed calls, no parsing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "runtime/device.h"
#include "runtime/kernel.h"
#include "runtime/kernel_registry.h"
#include "runtime/rendezvous.h"

namespace penstock {

// An input of a node: output `output` of node `node`.
struct Endpoint {
  int32_t node;
  int32_t output;
};

// Numbers [begin, end) of one of a Program's flat tables.
struct Range {
  int32_t begin = 0;
  int32_t end = 0;
};

// What the executor reads at every node, and no more: the loop over nodes streams these.
struct ProgramNode {
  Kernel* kernel = nullptr;
  const NodeInfo* info = nullptr;
  uint64_t last_use = 0;    // bit i: in the given order this is the only last reader of input i
  int32_t first_slot = 0;   // of its outputs
  int32_t first_input = 0;  // into Program::input_slots
  Range dead;               // into Program::dead_slots: not needed after this node, in order
  Range successors;         // into Program::successors: distinct nodes that wait for this one
  int32_t num_predecessors = 0;  // distinct nodes that must finish before, data and control
  Cost cost = Cost::kElements;
  bool async = false;  // the kernel is an AsyncKernel
};

// A node that sends into or receives from a channel.
struct ChannelEnd {
  int32_t channel;
  int32_t node;
};

struct FeedInfo {
  int32_t slot = 0;
  DType dtype = DType::kInvalid;
  PartialShape shape;  // what a fed value must be compatible with
  std::string name;    // of the fed tensor, "x:0"
  // Only accelerators read it, in their own memory: a value that is in one may be fed as it is.
  bool travels = false;
};

// What one run may allocate on the program's device, in bytes, and what it was planned to.
struct Budget {
  int64_t bytes = 0;  // 0: there is no bound
  int64_t planned = 0;
};

class Program {
 public:
  std::vector<ProgramNode> nodes;  // in execution order
  std::vector<int32_t> input_slots;
  std::vector<int32_t> dead_slots;
  std::vector<int32_t> successors;
  std::vector<DType> slot_dtypes;
  std::vector<int32_t> slot_readers;  // per slot: reading inputs, and 1 for being fetched
  std::vector<std::pair<int32_t, Tensor>> constants;  // slots that always hold the same tensor
  std::vector<std::string> constant_names;            // of the nodes, as `constants`
  std::vector<FeedInfo> feeds;                        // by feed index
  std::vector<int32_t> fetch_slots;                   // by fetch index
  std::vector<ChannelEnd> sends;
  std::vector<ChannelEnd> receives;
  int32_t num_slots = 0;
  ArenaLayout layout;    // of planned outputs; empty: there is no plan
  size_t partition = 0;  // which of the programs that run as one step
  Device* device = nullptr;
  SessionState session;  // the device's
  Budget budget;

  // Owners of what the nodes point to.
  std::vector<std::unique_ptr<NodeInfo>> infos;
  std::vector<std::unique_ptr<Kernel>> kernels;
};

// Makes the kernel of one node, in place of the registry's.
using KernelMaker = std::function<std::unique_ptr<Kernel>(const NodeInfo&)>;

// Where an output goes in the planned memory of a step. `node` is a number of ProgramBuilder's.
struct PlannedOutput {
  int32_t node;
  int32_t output;
  int64_t offset;
  int64_t bytes;
};

// Builds one Program. Not thread-safe; `build` ends its life.
class ProgramBuilder {
 public:
  // `channels` numbers the transfers of all programs that will run as one step.
  ProgramBuilder(const KernelRegistry& registry, Device& device, ChannelTable& channels);
  ~ProgramBuilder();

  // Adds a node whose inputs and control inputs are already there; returns its number.
  // `outputs` are the dtypes of its outputs. `_Arg` and `_Retval` carry attribute `index`,
  // `_Arg` also `_fed` (the fed tensor's name) and `shape`, `Const` its `value`, which moves to
  // the device's own memory unless attribute `_host_memory` is true. Transfers (transfer.h) and
  // nodes with a `maker` apart, the registry chooses a kernel of the CPU. RunError names the node
  // when no kernel fits or one refuses its attributes.
  int add_node(std::string name, std::string op, std::string device, std::vector<Endpoint> inputs,
               std::vector<int32_t> control_inputs, Attrs attrs, std::vector<DType> outputs,
               const KernelMaker& maker = nullptr);
  // Gives outputs places in one block of `bytes`.
  void plan_memory(const std::vector<PlannedOutput>& outputs, int64_t bytes);
  // Bounds what a run of the program may allocate, and keeps its nodes in their order.
  void set_budget(Budget budget);
  std::unique_ptr<Program> build();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock
