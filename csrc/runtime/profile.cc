// The choice between the two policies.
#include "runtime/profile.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr int kMeasuredRuns = 2;
constexpr double kMinGain = 1.3;         // work / span
constexpr double kMinWorkNs = 50'000.0;  // a hand-over between threads costs some microseconds

}  // namespace

Profile::Profile(const Program& program) : program_(program) {}

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

// A kernel that uses all threads already gains nothing from others at its side: its time
// counts for the span wherever it stands.
bool Profile::worth_parallel() {
  const size_t n = program_.nodes.size();
  path_ns_.assign(n, 0.0f);
  double work = 0;
  double alone = 0;
  float span = 0;
  for (size_t i = n; i-- > 0;) {
    const Range next = program_.nodes[i].successors;
    for (int32_t s = next.begin; s < next.end; ++s) {
      path_ns_[i] = std::max(path_ns_[i], path_ns_[program_.successors[s]]);
    }
    if (costs_[i].spreads) {
      alone += costs_[i].ns;
    } else {
      path_ns_[i] += costs_[i].ns;
    }
    span = std::max(span, path_ns_[i]);
    work += costs_[i].ns;
  }
  work_ns_.store(work);
  const ThreadPool* pool = program_.session.inter_pool;
  return pool && pool->num_threads() > 1 && work > kMinWorkNs && work > kMinGain * (span + alone);
}

}  // namespace penstock
