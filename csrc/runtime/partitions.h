// The programs that run as one step, one for each device, and how they hang together.
//
// The first program is the host's: feeds and fetches are its own. Over all programs a node has
// one number: the programs' nodes one after the other. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/program.h"

namespace penstock {

class Partitions {
 public:
  // `channels`: how many channels the programs' transfers use.
  Partitions(std::vector<std::unique_ptr<Program>> programs, int channels);

  size_t size() const { return programs_.size(); }
  const Program& host() const { return *programs_.front(); }
  const Program& program(size_t i) const { return *programs_[i]; }
  int channels() const { return channels_; }
  // True when a node may have to wait for a result.
  bool has_async() const { return has_async_; }
  // True when a program has a budget: then nodes run one at a time, as was planned.
  bool has_budget() const { return has_budget_; }

  int32_t num_nodes() const { return static_cast<int32_t>(program_of_.size()); }
  int32_t first_node(size_t program) const { return first_node_[program]; }
  // The number over all programs of a node of one of them.
  size_t number_of(const Program& program, const ProgramNode& node) const {
    return first_node_[program.partition] + static_cast<size_t>(&node - program.nodes.data());
  }
  int32_t program_of(int32_t node) const { return program_of_[node]; }
  int32_t index_of(int32_t node) const { return node - first_node_[program_of_[node]]; }
  const ProgramNode& node(int32_t node) const {
    return programs_[program_of_[node]]->nodes[index_of(node)];
  }
  // The node that receives what this one sends; -1 for a node that sends nothing.
  int32_t receiver_of(int32_t node) const;

 private:
  void find_travelling_feeds();

  std::vector<std::unique_ptr<Program>> programs_;
  int channels_;
  bool has_async_ = false;
  bool has_budget_ = false;
  std::vector<int32_t> first_node_;
  std::vector<int32_t> program_of_;
  std::vector<std::pair<int32_t, int32_t>> receivers_;  // (sender, receiver), by sender
};

}  // namespace penstock
