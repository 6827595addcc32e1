// Numbers over all programs.
#include "runtime/partitions.h"

#include <algorithm>
#include <utility>

namespace penstock {

Partitions::Partitions(std::vector<std::unique_ptr<Program>> programs, int channels)
    : programs_(std::move(programs)), channels_(channels) {
  std::vector<int32_t> receiver(static_cast<size_t>(channels), -1);
  for (size_t p = 0; p < programs_.size(); ++p) {
    const int32_t first = num_nodes();
    first_node_.push_back(first);
    programs_[p]->partition = p;
    has_budget_ = has_budget_ || programs_[p]->budget.bytes > 0;
    program_of_.insert(program_of_.end(), programs_[p]->nodes.size(), static_cast<int32_t>(p));
    for (const ProgramNode& node : programs_[p]->nodes) has_async_ = has_async_ || node.async;
    for (ChannelEnd end : programs_[p]->receives) receiver[end.channel] = first + end.node;
  }
  for (size_t p = 0; p < programs_.size(); ++p) {
    for (ChannelEnd end : programs_[p]->sends) {
      invariant(receiver[end.channel] >= 0, "nobody receives channel ", end.channel);
      receivers_.emplace_back(first_node_[p] + end.node, receiver[end.channel]);
    }
  }
  std::sort(receivers_.begin(), receivers_.end());
  if (programs_.size() > 1) find_travelling_feeds();
}

void Partitions::find_travelling_feeds() {
  Program& program = *programs_.front();
  std::vector<bool> read_here(static_cast<size_t>(program.num_slots), false);
  for (int32_t slot : program.fetch_slots) read_here[slot] = true;
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const ProgramNode& reader = program.nodes[i];
    const int32_t to = receiver_of(static_cast<int32_t>(i));
    const bool leaves = to >= 0 && node(to).info->op == "_Recv" &&
                        programs_[program_of(to)]->device->has_own_memory();
    if (leaves) continue;
    const int32_t end = i + 1 < program.nodes.size()
                            ? program.nodes[i + 1].first_input
                            : static_cast<int32_t>(program.input_slots.size());
    for (int32_t k = reader.first_input; k < end; ++k) read_here[program.input_slots[k]] = true;
  }
  for (FeedInfo& feed : program.feeds) feed.travels = !read_here[feed.slot];
}

int32_t Partitions::receiver_of(int32_t node) const {
  const auto it = std::lower_bound(receivers_.begin(), receivers_.end(), std::pair(node, -1));
  return it != receivers_.end() && it->first == node ? it->second : -1;
}

}  // namespace penstock
