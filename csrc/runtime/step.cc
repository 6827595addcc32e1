// Slots, counts and limits of one run.
#include "runtime/step.h"

#include <algorithm>

#include "core/share.h"

namespace penstock {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);

}  // namespace

Step::Step(const Partitions& partitions)
    : partitions_(partitions), rendezvous_(partitions.channels()) {
  values_.reserve(partitions.size());
  for (size_t p = 0; p < partitions.size(); ++p) values_.emplace_back(partitions.program(p));
  strands_.reset(new Strand[partitions.size()]);
}

void Step::begin(const RunOptions& options) {
  options_ = options;
  const Cancellation* cancellation = partitions_.host().session.cancellation;
  if (cancellation) begun_ = cancellation->begin();
  clock_started_ = false;
  if (__builtin_expect(partitions_.has_budget(), 0)) open_shares();
  if (options.timeout_ms > 0) {
    clock_started_ = true;
    const auto now = Clock::now();
    deadline_ = now + std::chrono::milliseconds(options.timeout_ms);
    next_poll_ = now + kPollInterval;
  }
}

// Each run has its own, so that runs at the same time, and what is left of earlier ones, do not
// count. An accelerator bounds its memory itself.
void Step::open_shares() {
  shares_.clear();
  for (size_t p = 0; p < partitions_.size(); ++p) {
    const Program& program = partitions_.program(p);
    Share share{nullptr, program.session};
    if (program.budget.bytes > 0 && !program.device->has_own_memory()) {
      share.memory = open_share(*program.session.allocator, program.budget.bytes);
      share.session.allocator = share.memory.get();
    }
    shares_.push_back(std::move(share));
  }
}

void Step::end() {
  if (partitions_.channels() > 0) rendezvous_.clear();
  for (size_t p = 0; p < values_.size(); ++p) {
    strands_[p].next = 0;
    strands_[p].started = false;
  }
}

void Step::open_arenas() {
  for (size_t p = 0; p < values_.size(); ++p) values_[p].open_arena(*session(p).allocator);
}

void Step::close_arenas() {
  for (Values& values : values_) values.close_arena();
}

void Step::clear() {
  for (Values& values : values_) values.clear();
  close_arenas();
  end();
  if (stopped()) {
    std::lock_guard<std::mutex> lock(mutex_);
    error_.reset();
    stopped_.store(false);
  }
}

void Step::check_limits() {
  const Cancellation* cancellation = partitions_.host().session.cancellation;
  if (cancellation && cancellation->ends(begun_)) {
    throw RunError(Code::kCancelled, "the run was cancelled: its session was closed");
  }
  if (stopped()) throw take_error();
  const auto now = Clock::now();
  if (!clock_started_) {  // a short run never gets here, so it never looks at the clock
    clock_started_ = true;
    next_poll_ = now + kPollInterval;
    return;
  }
  if (options_.timeout_ms > 0 && now >= deadline_) {
    throw RunError(Code::kDeadlineExceeded,
                   concat("the run took longer than its limit of ", options_.timeout_ms, " ms"));
  }
  if (now >= next_poll_) {
    next_poll_ = now + kPollInterval;
    if (options_.interrupted && options_.interrupted()) {
      throw RunError(Code::kCancelled, "the run was interrupted");
    }
  }
}

Clock::time_point Step::next_look() const {
  const auto next = Clock::now() + kPollInterval;
  return options_.timeout_ms > 0 ? std::min(next, deadline_) : next;
}

void Step::fail(RunError error) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (error_) return;
    error_ = error;
    stopped_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
  if (partitions_.channels() > 0) rendezvous_.abort(error);
}

RunError Step::take_error() {
  std::lock_guard<std::mutex> lock(mutex_);
  invariant(error_.has_value(), "a step stopped without an error");
  return *error_;
}

void Step::arrive(Strand& strand) {
  std::lock_guard<std::mutex> lock(mutex_);
  strand.arrived = true;
  ++arrivals_;
  changed_.notify_all();
}

bool Step::has_arrived(const Strand& strand) {
  std::lock_guard<std::mutex> lock(mutex_);
  return strand.arrived;
}

uint64_t Step::arrivals() {
  std::lock_guard<std::mutex> lock(mutex_);
  return arrivals_;
}

void Step::wait(uint64_t arrivals) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_until(lock, next_look(), [&] { return arrivals_ != arrivals || stopped_.load(); });
}

void Step::drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (size_t p = 0; p < values_.size(); ++p) {
    changed_.wait(lock, [&] { return !strands_[p].started || strands_[p].arrived; });
  }
}

}  // namespace penstock
