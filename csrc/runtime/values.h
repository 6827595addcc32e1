// The values of one program in one run: its slots, and the counts of the parallel policy.
//
// One thread prepares them and takes the results; in between, kernels of several threads write
// their own slots.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/arena.h"
#include "runtime/program.h"

namespace penstock {

class Values {
 public:
  explicit Values(const Program& program);

  const Program& program() const { return program_; }
  Tensor& slot(int32_t i) { return slots_[i]; }
  // The inputs and outputs of a node, as KernelContext wants them.
  Tensor* const* inputs_of(const ProgramNode& node) const {
    return inputs_.data() + node.first_input;
  }
  Tensor* outputs_of(const ProgramNode& node) { return slots_.data() + node.first_slot; }
  std::vector<std::string> describe_inputs(const ProgramNode& node) const;
  // Drops every value but the constants, whatever the run has left.
  void clear();

  // The planned memory of this run while it is open, else null. Opening does nothing for a program
  // without a plan, and where the allocator has no memory for the whole block.
  Arena* arena() const { return open_arena_; }
  void open_arena(Allocator& allocator);
  void close_arena();

  // Per node the predecessors that have not finished, per slot the reads that are still to
  // come. Made on the first `reset_counts`.
  void reset_counts();
  std::atomic<int32_t>& waiting(int32_t node) { return waiting_[node]; }
  std::atomic<int32_t>& readers(int32_t slot) { return readers_[slot]; }

 private:
  const Program& program_;
  std::vector<Tensor> slots_;
  std::vector<Tensor*> inputs_;  // as Program::input_slots, pointing into slots_
  std::unique_ptr<Arena> arena_;
  Arena* open_arena_ = nullptr;
  std::unique_ptr<std::atomic<int32_t>[]> waiting_;
  std::unique_ptr<std::atomic<int32_t>[]> readers_;
};

}  // namespace penstock
