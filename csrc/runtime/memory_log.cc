// Notes of slots, variables and levels. One window is open on each device all the time, and a new
// one is opened at every note, so that each level has the peak since the one before.
#include "runtime/memory_log.h"

#include <utility>

namespace penstock {

MemoryLog::MemoryLog(const Partitions& partitions) : partitions_(partitions) {
  for (size_t p = 0; p < partitions.size(); ++p) {
    windows_.push_back(partitions.program(p).device->begin_window());
  }
}

MemoryLog::~MemoryLog() {
  for (size_t p = 0; p < windows_.size(); ++p) {
    try {
      partitions_.program(p).device->end_window(windows_[p]);
    } catch (...) {  // its Python code has raised something: nobody is left to hear it
    }
  }
}

Held MemoryLog::held_by(const Tensor& tensor) const {
  Held held;
  const Buffer* buffer = tensor.buffer().get();
  if (!buffer) return held;
  held.block = {reinterpret_cast<uintptr_t>(buffer), static_cast<int64_t>(buffer->bytes)};
  held.dtype = tensor.dtype();
  held.shape = tensor.shape();
  for (size_t p = 0; p < partitions_.size(); ++p) {
    Device& device = *partitions_.program(p).device;
    if (!device.owns(*buffer)) continue;
    held.device = static_cast<int32_t>(p);
    held.block = device.block_of(tensor);
  }
  return held;
}

void MemoryLog::note(std::vector<HeldBySlot>& list, int32_t slot, const Tensor& tensor) const {
  const Held held = held_by(tensor);
  if (held.block.number) list.push_back({slot, held});
}

void MemoryLog::note(std::vector<HeldByName>& list, const std::string& name,
                     Resource* resource) const {
  auto* variable = dynamic_cast<Variable*>(resource);
  if (!variable) return;
  Tensor value;
  {
    std::lock_guard<std::mutex> lock(variable->mutex());
    value = variable->value();
  }
  const Held held = held_by(value);
  if (held.block.number) list.push_back({name, held});
}

std::vector<Level> MemoryLog::levels() {
  std::vector<Level> levels(windows_.size());
  for (size_t p = 0; p < windows_.size(); ++p) {
    Device& device = *partitions_.program(p).device;
    try {
      levels[p].live = device.memory_stats().live;
      levels[p].peak = device.end_window(windows_[p]);
      windows_[p] = device.begin_window();
    } catch (...) {
    }
  }
  return levels;
}

void MemoryLog::begins(Step& step) {
  for (size_t p = 0; p < partitions_.size(); ++p) {
    const Program& program = partitions_.program(p);
    ProgramMemory& memory = programs_.emplace_back();
    for (const FeedInfo& feed : program.feeds) {
      note(memory.feeds, feed.slot, step.values(p).slot(feed.slot));
    }
    for (const auto& [slot, value] : program.constants) note(memory.constants, slot, value);
    for (const auto& [name, resource] : program.device->resources().snapshot()) {
      note(memory.variables, name, resource.get());
    }
  }
  first_levels_ = levels();
}

void MemoryLog::computed(int32_t node, Values& values) {
  NodeMemory& memory = nodes_.emplace_back();
  memory.node = node;
  const ProgramNode& of = partitions_.node(node);
  const size_t outputs = of.info->output_dtypes.size();
  for (size_t o = 0; o < outputs; ++o) {
    const int32_t slot = of.first_slot + static_cast<int32_t>(o);
    note(memory.outputs, slot, values.slot(slot));
  }
  Tensor* const* inputs = values.inputs_of(of);
  for (size_t i = 0; i < of.info->input_dtypes.size(); ++i) {
    if (of.info->input_dtypes[i] != DType::kResource || !inputs[i]->has_value()) continue;
    const ResourceHandle* handles = inputs[i]->data<ResourceHandle>();
    for (int64_t h = 0; h < inputs[i]->num_elements(); ++h) {
      note(memory.variables, handles[h].name(), handles[h].resource().get());
    }
  }
  memory.computed = levels();
}

void MemoryLog::ends() { nodes_.back().ended = levels(); }

}  // namespace penstock
