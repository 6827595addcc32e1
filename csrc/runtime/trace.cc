// Recording, and what follows from what was recorded.
#include "runtime/trace.h"

#include <algorithm>
#include <atomic>

#include "runtime/memory_log.h"

namespace penstock {

Trace::Trace(const Partitions& partitions, bool full, MemoryLog* memory)
    : partitions_(partitions),
      full_(full),
      memory_(memory),
      caller_(thread_number()),
      nodes_(static_cast<size_t>(partitions.num_nodes())) {
  int32_t outputs = 0;
  first_output_.reserve(nodes_.size());
  for (int32_t node = 0; node < partitions.num_nodes(); ++node) {
    first_output_.push_back(outputs);
    outputs += static_cast<int32_t>(partitions.node(node).info->output_dtypes.size());
  }
  outputs_.resize(static_cast<size_t>(outputs));
  epoch_ = std::chrono::steady_clock::now();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  epoch_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count();
}

void Trace::begins(Step& step) {
  if (memory_) memory_->begins(step);
}

uint32_t Trace::thread_number() {
  static std::atomic<uint32_t> threads{0};
  thread_local const uint32_t mine = threads.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

int64_t Trace::now() const {
  const auto since = std::chrono::steady_clock::now() - epoch_;
  return epoch_ns_ + std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

Device& Trace::device_of(int32_t node) const {
  return *partitions_.program(static_cast<size_t>(partitions_.program_of(node))).device;
}

// A device that cannot tell counts as empty: recording must not make a run fail.
int64_t Trace::live_bytes(int32_t node) const {
  if (!full_) return 0;
  try {
    return device_of(node).memory_stats().live;
  } catch (...) {
    return 0;
  }
}

void Trace::starts(int32_t node) {
  NodeTrace& record = nodes_[node];
  if (record.start != 0) return;
  record.thread = thread_number();
  record.live_start = live_bytes(node);
  record.start = now();
}

void Trace::settles(int32_t node) {
  if (full_) device_of(node).synchronize();
}

void Trace::computed(int32_t node, Values& values) {
  NodeTrace& record = nodes_[node];
  record.computed = now();
  record.live_computed = live_bytes(node);
  if (memory_) memory_->computed(node, values);
  const ProgramNode& of = partitions_.node(node);
  for (size_t o = 0; o < of.info->output_dtypes.size(); ++o) {
    const Tensor& tensor = values.slot(of.first_slot + static_cast<int32_t>(o));
    if (!tensor.has_value()) continue;
    OutputTrace& output = outputs_[first_output_[node] + o];
    output.dtype = tensor.dtype();
    output.shape = tensor.shape();
    output.bytes = tensor.bytes();
    output.allocated = tensor.buffer() ? tensor.buffer()->bytes : 0;
    output.data = tensor.raw();
  }
}

void Trace::ends(int32_t node) {
  nodes_[node].end = now();
  nodes_[node].live_end = live_bytes(node);
  if (memory_) memory_->ends();
}

void Trace::finish() {
  const int64_t last = now();
  for (int32_t node = 0; node < partitions_.num_nodes(); ++node) {
    NodeTrace& record = nodes_[node];
    if (record.start == 0) continue;
    if (record.scheduled == 0) record.scheduled = record.start;
    if (record.end == 0) {
      record.end = record.computed != 0 ? record.computed : last;
      record.live_end = record.computed != 0 ? record.live_computed : record.live_start;
    }
    const size_t program = static_cast<size_t>(partitions_.program_of(node));
    const Range next = partitions_.node(node).successors;
    for (int32_t s = next.begin; s < next.end; ++s) {
      const int32_t successor =
          partitions_.first_node(program) + partitions_.program(program).successors[s];
      int64_t& scheduled = nodes_[successor].scheduled;
      scheduled = std::max(scheduled, record.end);
    }
  }
  for (NodeTrace& record : nodes_) record.scheduled = std::min(record.scheduled, record.start);
}

}  // namespace penstock
