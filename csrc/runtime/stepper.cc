// Counts of what each node still waits for, brought up to date one node at a time.
#include "runtime/stepper.h"

#include <utility>

#include "runtime/async_kernel.h"

namespace penstock {
namespace {

// The value where the host can read it.
Tensor readable(const Tensor& tensor, Device& device) {
  const Buffer* buffer = tensor.buffer().get();
  return buffer && device.has_own_memory() && device.owns(*buffer) ? device.to_host(tensor)
                                                                   : tensor;
}

}  // namespace

Stepper::Stepper(const Partitions& partitions, std::vector<Tensor> feeds, bool keep)
    : partitions_(partitions),
      step_(partitions),
      keep_(keep),
      states_(static_cast<size_t>(partitions.num_nodes()), NodeState::kWaiting),
      missing_(states_.size()),
      sender_(states_.size(), -1),
      remaining_(partitions.num_nodes()) {
  const std::vector<FeedInfo>& wanted = partitions.host().feeds;
  require(feeds.size() == wanted.size(), "this takes ", wanted.size(), " values, got ",
          feeds.size());
  step_.begin({});
  for (size_t i = 0; i < feeds.size(); ++i) {
    step_.host().slot(wanted[i].slot) = std::move(feeds[i]);
  }
  for (size_t p = 0; p < partitions.size(); ++p) step_.values(p).reset_counts();
  for (int32_t node = 0; node < remaining_; ++node) {
    missing_[node] += partitions.node(node).num_predecessors;
    const int32_t receiver = partitions.receiver_of(node);
    if (receiver >= 0) {
      sender_[receiver] = node;
      ++missing_[receiver];
    }
  }
  for (int32_t node = 0; node < remaining_; ++node) {
    if (missing_[node] == 0) states_[node] = NodeState::kReady;
  }
}

std::vector<int32_t> Stepper::ready() const {
  std::vector<int32_t> nodes;
  for (int32_t node = 0; node < partitions_.num_nodes(); ++node) {
    if (state(node) == NodeState::kReady) nodes.push_back(node);
  }
  return nodes;
}

std::vector<int32_t> Stepper::waits_for(int32_t node) const {
  std::vector<int32_t> nodes;
  const size_t p = static_cast<size_t>(partitions_.program_of(node));
  const Program& program = partitions_.program(p);
  const int32_t first = partitions_.first_node(p);
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const int32_t other = first + static_cast<int32_t>(i);
    if (state(other) == NodeState::kDone) continue;
    const Range next = program.nodes[i].successors;
    for (int32_t s = next.begin; s < next.end; ++s) {
      if (first + program.successors[s] == node) nodes.push_back(other);
    }
  }
  const int32_t sender = sender_[node];
  if (sender >= 0 && state(sender) != NodeState::kDone) nodes.push_back(sender);
  return nodes;
}

void Stepper::run(int32_t number) {
  if (number < 0 || number >= partitions_.num_nodes() ||
      (state(number) != NodeState::kReady && state(number) != NodeState::kFailed)) {
    fail(Code::kFailedPrecondition, "node ", number, " is not ready to run");
  }
  const ProgramNode& node = partitions_.node(number);
  const size_t p = static_cast<size_t>(partitions_.program_of(number));
  const Program& program = partitions_.program(p);
  Values& values = step_.values(p);
  // No input is ever taken over: whoever looks may want to see it again.
  KernelContext ctx(*node.info, program.session, values.inputs_of(node), values.outputs_of(node), 0,
                    program.slot_dtypes.data() + node.first_slot);
  states_[number] = NodeState::kFailed;
  try {
    if (!node.async) {
      node.kernel->compute(ctx);
    } else {
      Strand& strand = step_.strand(p);
      strand.node = &node;
      strand.arrived = false;
      strand.started = !static_cast<AsyncKernel*>(node.kernel)
                            ->start(ctx, step_.rendezvous(), [&](std::exception_ptr error) {
                              if (error) step_.fail(RunError(Code::kInternal, "no result came"));
                              step_.arrive(strand);
                            });
      step_.drain();
      strand.started = false;
      if (step_.stopped()) throw step_.take_error();
    }
  } catch (...) {
    throw current_error(*node.info, values.describe_inputs(node));
  }
  finish(number);
}

void Stepper::finish(int32_t number) {
  states_[number] = NodeState::kDone;
  --remaining_;
  const size_t p = static_cast<size_t>(partitions_.program_of(number));
  const Range next = partitions_.node(number).successors;
  for (int32_t s = next.begin; s < next.end; ++s) {
    lessen(partitions_.first_node(p) + partitions_.program(p).successors[s]);
  }
  const int32_t receiver = partitions_.receiver_of(number);
  if (receiver >= 0) lessen(receiver);
  if (!keep_) release(number);
}

void Stepper::lessen(int32_t node) {
  if (--missing_[node] == 0) states_[node] = NodeState::kReady;
}

void Stepper::release(int32_t number) {
  const ProgramNode& node = partitions_.node(number);
  const size_t p = static_cast<size_t>(partitions_.program_of(number));
  Values& values = step_.values(p);
  const int32_t inputs = static_cast<int32_t>(node.info->input_dtypes.size());
  for (int32_t i = node.first_input; i < node.first_input + inputs; ++i) {
    const int32_t slot = partitions_.program(p).input_slots[i];
    if (values.readers(slot).fetch_sub(1) == 1) values.slot(slot).reset();
  }
}

std::optional<Tensor> Stepper::value(int32_t number, int output) {
  const ProgramNode& node = partitions_.node(number);
  if (output < 0 || output >= static_cast<int>(node.info->output_dtypes.size())) return {};
  const size_t p = static_cast<size_t>(partitions_.program_of(number));
  const Tensor& tensor = step_.values(p).slot(node.first_slot + output);
  if (state(number) != NodeState::kDone || !tensor.has_value()) return {};
  return readable(tensor, *partitions_.program(p).device);
}

std::optional<Tensor> Stepper::value_of_name(const std::string& name) {
  for (const FeedInfo& feed : partitions_.host().feeds) {
    const Tensor& tensor = step_.host().slot(feed.slot);
    if (feed.name == name && tensor.has_value()) return tensor;
  }
  for (size_t p = 0; p < partitions_.size(); ++p) {
    const Program& program = partitions_.program(p);
    for (size_t i = 0; i < program.constants.size(); ++i) {
      if (program.constant_names[i] != name) continue;
      return readable(program.constants[i].second, *program.device);
    }
  }
  return {};
}

std::vector<Tensor> Stepper::fetches() {
  if (!finished()) fail(Code::kFailedPrecondition, remaining_, " nodes have not run yet");
  std::vector<Tensor> values;
  for (int32_t slot : partitions_.host().fetch_slots) values.push_back(step_.host().slot(slot));
  return values;
}

}  // namespace penstock
