// Slots and counts.
#include "runtime/values.h"

namespace penstock {

Values::Values(const Program& program)
    : program_(program), slots_(static_cast<size_t>(program.num_slots)) {
  inputs_.reserve(program.input_slots.size() + 1);
  for (int32_t slot : program.input_slots) inputs_.push_back(&slots_[slot]);
  inputs_.push_back(nullptr);  // so that a node without inputs may point here
  for (const auto& [slot, value] : program.constants) slots_[slot] = value;
}

void Values::clear() {
  for (Tensor& slot : slots_) {
    if (slot.has_value()) slot.reset();
  }
  for (const auto& [slot, value] : program_.constants) slots_[slot] = value;
}

void Values::open_arena(Allocator& allocator) {
  if (program_.layout.empty()) return;
  if (!arena_) arena_ = std::make_unique<Arena>(program_.layout);
  if (arena_->open(allocator)) open_arena_ = arena_.get();
}

void Values::close_arena() {
  if (!open_arena_) return;
  open_arena_ = nullptr;
  arena_->close();
}

std::vector<std::string> Values::describe_inputs(const ProgramNode& node) const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < node.info->input_dtypes.size(); ++i) {
    texts.push_back(inputs_[node.first_input + static_cast<int32_t>(i)]->to_string());
  }
  return texts;
}

void Values::reset_counts() {
  const size_t nodes = program_.nodes.size();
  const size_t slots = program_.slot_readers.size();
  if (!waiting_) {
    waiting_.reset(new std::atomic<int32_t>[nodes]);
    readers_.reset(new std::atomic<int32_t>[slots]);
  }
  for (size_t i = 0; i < nodes; ++i) {
    waiting_[i].store(program_.nodes[i].num_predecessors, std::memory_order_relaxed);
  }
  for (size_t i = 0; i < slots; ++i) {
    readers_[i].store(program_.slot_readers[i], std::memory_order_relaxed);
  }
}

}  // namespace penstock
