// The choice between the two policies.
#include "runtime/profile.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr int kMeasuredRuns = 2;
constexpr double kMinGain = 1.3;         // work / span
constexpr double kMinWorkNs = 50'000.0;  // a hand-over between threads costs some microseconds
constexpr float kSpreadNs = 100'000.0f;  // heavy kernels above this use all intra-op threads

}  // namespace

Profile::Profile(const Program& program) : program_(program) {}

Mode Profile::next_mode() {
  const Mode decided = decided_.load(std::memory_order_acquire);
  if (__builtin_expect(decided != Mode::kMeasured, 1)) return decided;
  if (measuring_.exchange(true, std::memory_order_acquire)) return Mode::kInline;
  return Mode::kMeasured;
}

void Profile::finish(const std::vector<float>* node_ns) {
  if (node_ns && decided_.load() == Mode::kMeasured) {
    if (node_ns_.empty()) node_ns_ = *node_ns;
    for (size_t i = 0; i < node_ns_.size(); ++i) {
      node_ns_[i] = std::min(node_ns_[i], (*node_ns)[i]);
    }
    if (++measured_ == kMeasuredRuns) {
      const bool parallel = worth_parallel();
      decided_.store(parallel ? Mode::kParallel : Mode::kInline, std::memory_order_release);
    }
  }
  measuring_.store(false, std::memory_order_release);
}

// A kernel that uses all threads already cannot gain from others at its side: its time counts
// for the span wherever it stands.
bool Profile::worth_parallel() {
  const size_t n = program_.nodes.size();
  const bool threads =
      program_.session.intra_pool && program_.session.intra_pool->num_threads() > 1;
  path_ns_.assign(n, 0.0f);
  spreads_.assign(n, false);
  double work = 0;
  double alone = 0;
  float span = 0;
  for (size_t i = n; i-- > 0;) {
    const ProgramNode& node = program_.nodes[i];
    float rest = 0;
    for (int32_t s = node.successors.begin; s < node.successors.end; ++s) {
      rest = std::max(rest, path_ns_[program_.successors[s]]);
    }
    spreads_[i] = threads && node.cost == Cost::kHeavy && node_ns_[i] > kSpreadNs;
    path_ns_[i] = rest + (spreads_[i] ? 0.0f : node_ns_[i]);
    span = std::max(span, path_ns_[i]);
    work += node_ns_[i];
    if (spreads_[i]) alone += node_ns_[i];
  }
  work_ns_.store(work);
  const ThreadPool* pool = program_.session.inter_pool;
  return pool && pool->num_threads() > 1 && work > kMinWorkNs && work > kMinGain * (span + alone);
}

}  // namespace penstock
