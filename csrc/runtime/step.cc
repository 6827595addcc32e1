// Slots, counts and limits of one run.
#include "runtime/step.h"

namespace penstock {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);

}  // namespace

Step::Step(const Program& program)
    : program_(program), slots_(static_cast<size_t>(program.num_slots)) {
  inputs_.reserve(program.input_slots.size() + 1);
  for (int32_t slot : program.input_slots) inputs_.push_back(&slots_[slot]);
  inputs_.push_back(nullptr);  // so that a node without inputs may point here
  for (const auto& [slot, value] : program.constants) slots_[slot] = value;
}

void Step::begin(const RunOptions& options) {
  options_ = options;
  cancel_epoch_ = program_.session.cancel_epoch ? program_.session.cancel_epoch->load() : 0;
  clock_started_ = false;
  if (options.timeout_ms > 0) {
    clock_started_ = true;
    const auto now = Clock::now();
    deadline_ = now + std::chrono::milliseconds(options.timeout_ms);
    next_poll_ = now + kPollInterval;
  }
}

void Step::clear() {
  for (Tensor& slot : slots_) {
    if (slot.has_value()) slot.reset();
  }
  for (const auto& [slot, value] : program_.constants) slots_[slot] = value;
  if (stopped()) {
    std::lock_guard<std::mutex> lock(mutex_);
    error_.reset();
    stopped_.store(false);
  }
}

std::vector<std::string> Step::describe_inputs(const ProgramNode& node) const {
  std::vector<std::string> texts;
  for (size_t i = 0; i < node.info->input_dtypes.size(); ++i) {
    texts.push_back(inputs_[node.first_input + static_cast<int32_t>(i)]->to_string());
  }
  return texts;
}

void Step::check_limits() {
  const auto* epoch = program_.session.cancel_epoch;
  if (epoch && epoch->load(std::memory_order_relaxed) != cancel_epoch_) {
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

void Step::fail(RunError error) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (error_) return;
  error_ = std::move(error);
  stopped_.store(true, std::memory_order_release);
}

RunError Step::take_error() {
  std::lock_guard<std::mutex> lock(mutex_);
  invariant(error_.has_value(), "a step stopped without an error");
  return *error_;
}

void Step::reset_counts() {
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
