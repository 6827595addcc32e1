// The choice between the two policies.
#include "runtime/profile.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr int kMeasuredRuns = 2;
constexpr double kMinGain = 1.3;         // work / span
constexpr int kMaxRounds = 16;           // paths that cross between programs more often are cut
constexpr double kMinWorkNs = 50'000.0;  // a hand-over between threads costs some microseconds

}  // namespace

Profile::Profile(const Partitions& partitions) : partitions_(partitions) {}

Mode Profile::next_mode() {
  const Mode decided = decided_.load(std::memory_order_acquire);
  if (__builtin_expect(decided != Mode::kMeasured, 1)) return decided;
  if (measuring_.exchange(true, std::memory_order_acquire)) return Mode::kInline;
  return Mode::kMeasured;
}

void Profile::finish(const std::vector<NodeCost>* costs) {
  if (costs && decided_.load() == Mode::kMeasured) {
    if (costs_.empty()) costs_ = *costs;
    for (size_t i = 0; i < costs_.size(); ++i) {
      if ((*costs)[i].ns < costs_[i].ns) costs_[i] = (*costs)[i];
    }
    if (++measured_ == kMeasuredRuns) {
      const bool parallel = worth_parallel();
      decided_.store(parallel ? Mode::kParallel : Mode::kInline, std::memory_order_release);
    }
  }
  measuring_.store(false, std::memory_order_release);
}

// From the last node of each program to its first: the path of a node is its own time and the
// longest path among the nodes that wait for it. True when a path changed that another program's
// nodes may have counted on already.
bool Profile::lengthen_paths() {
  bool again = false;
  for (size_t p = partitions_.size(); p-- > 0;) {
    const Program& program = partitions_.program(p);
    const int32_t first = partitions_.first_node(p);
    for (size_t i = program.nodes.size(); i-- > 0;) {
      const int32_t node = first + static_cast<int32_t>(i);
      float longest = 0;
      const Range next = program.nodes[i].successors;
      for (int32_t s = next.begin; s < next.end; ++s) {
        longest = std::max(longest, path_ns_[first + program.successors[s]]);
      }
      if (program.nodes[i].async) {
        const int32_t receiver = partitions_.receiver_of(node);
        if (receiver >= 0) longest = std::max(longest, path_ns_[receiver]);
      }
      if (!costs_[node].spreads) longest += costs_[node].ns;
      again = again || (program.nodes[i].async && longest > path_ns_[node]);
      path_ns_[node] = longest;
    }
  }
  return again;
}

// A kernel that uses all threads already gains nothing from others at its side: its time
// counts for the span wherever it stands.
bool Profile::worth_parallel() {
  path_ns_.assign(costs_.size(), 0.0f);
  for (int round = 0; round < kMaxRounds && lengthen_paths(); ++round) {
  }
  double work = 0;
  double alone = 0;
  for (const NodeCost& cost : costs_) {
    work += cost.ns;
    if (cost.spreads) alone += cost.ns;
  }
  const float span = path_ns_.empty() ? 0 : *std::max_element(path_ns_.begin(), path_ns_.end());
  work_ns_.store(std::max(work, 1.0));  // a program of constants has been measured, too
  const ThreadPool* pool = partitions_.host().session.inter_pool;
  return pool && pool->num_threads() > 1 && !partitions_.has_budget() && work > kMinWorkNs &&
         work > kMinGain * (span + alone);
}

}  // namespace penstock
