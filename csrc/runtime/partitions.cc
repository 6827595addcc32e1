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
}

int32_t Partitions::receiver_of(int32_t node) const {
  const auto it = std::lower_bound(receivers_.begin(), receivers_.end(), std::pair(node, -1));
  return it != receivers_.end() && it->first == node ? it->second : -1;
}

}  // namespace penstock
