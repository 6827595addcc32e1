// Building a Program: slots while nodes are added, then the tables that tell the executor
// who waits for whom and where each value is read last.
#include "runtime/program.h"

#include <algorithm>

#include "runtime/async_kernel.h"
#include "runtime/run_error.h"
#include "runtime/transfer.h"

namespace penstock {
namespace {

// What `add_node` remembers of a node of any kind.
struct BuiltNode {
  int32_t first_slot;
  int32_t num_outputs;
  int32_t program_node;  // -1: _Arg, _Retval, Const
};

constexpr int32_t kNeverDies = int32_t{1} << 30;  // readers of a constant's slot

}  // namespace

struct ProgramBuilder::Impl {
  const KernelRegistry& registry;
  Device& device;
  ChannelTable& channels;
  std::unique_ptr<Program> program = std::make_unique<Program>();
  std::vector<BuiltNode> built;
  std::vector<int32_t> slot_constant;              // per slot: index into program->constants, or -1
  std::vector<std::vector<int32_t>> predecessors;  // per program node, distinct

  Impl(const KernelRegistry& r, Device& d, ChannelTable& c) : registry(r), device(d), channels(c) {}

  int32_t slot_of(Endpoint from, const NodeInfo& node) const {
    invariant(from.node >= 0 && from.node < static_cast<int32_t>(built.size()) &&
                  from.output >= 0 && from.output < built[from.node].num_outputs,
              "node \"", node.name, "\" reads output ", from.output, " of node ", from.node,
              ", which does not exist");
    return built[from.node].first_slot + from.output;
  }

  void add_slots(const std::vector<DType>& outputs) {
    for (DType dtype : outputs) {
      program->slot_dtypes.push_back(dtype);
      slot_constant.push_back(-1);
      program->slot_readers.push_back(0);
    }
    program->num_slots += static_cast<int32_t>(outputs.size());
  }

  void add_feed(const NodeInfo& node) {
    const size_t index = static_cast<size_t>(node.attrs.get<int64_t>("index"));
    invariant(node.output_dtypes.size() == 1 && index < 1u << 20, "feed ", node.name);
    if (program->feeds.size() <= index) program->feeds.resize(index + 1);
    PartialShape any;
    any.unknown_rank = true;
    program->feeds[index] = FeedInfo{program->num_slots - 1, node.output_dtypes[0],
                                     node.attrs.get_or<PartialShape>("shape", any),
                                     node.attrs.get_or<std::string>("_fed", node.name)};
  }

  void add_constant(const NodeInfo& node) {
    Tensor value = node.attrs.get<Tensor>("value");
    if (value.buffer()) value.buffer()->writable = false;
    invariant(node.output_dtypes.size() == 1 && value.dtype() == node.output_dtypes[0],
              "constant \"", node.name, "\" holds ", value.to_string());
    if (device.has_own_memory() && !node.attrs.get_or<bool>("_host_memory", false)) {
      value = device.from_host(value);
    }
    const int32_t slot = program->num_slots - 1;
    program->slot_readers[slot] = kNeverDies;
    slot_constant[slot] = static_cast<int32_t>(program->constants.size());
    program->constants.emplace_back(slot, std::move(value));
    program->constant_names.push_back(node.name);
  }

  void add_fetch(const NodeInfo& node, const std::vector<int32_t>& slots) {
    const size_t index = static_cast<size_t>(node.attrs.get<int64_t>("index"));
    invariant(slots.size() == 1 && index < 1u << 20, "fetch ", node.name);
    if (program->fetch_slots.size() <= index) program->fetch_slots.resize(index + 1, -1);
    program->fetch_slots[index] = slots[0];
    ++program->slot_readers[slots[0]];
  }

  // True when the node runs: feeds, fetches and constants need no kernel.
  bool add_without_kernel(const NodeInfo& node, const std::vector<int32_t>& slots) {
    if (node.op == "_Arg") {
      add_feed(node);
    } else if (node.op == "_Retval") {
      add_fetch(node, slots);
    } else if (node.op == "Const") {
      add_constant(node);
    } else {
      return false;
    }
    return true;
  }

  void choose_kernel(ProgramNode& node, const NodeInfo& info, const KernelMaker& maker) {
    const int32_t index = static_cast<int32_t>(program->nodes.size());
    if (is_send(info.op) || is_receive(info.op)) {
      const int channel = channels.number_of(channel_key(info));
      (is_send(info.op) ? program->sends : program->receives).push_back({channel, index});
      program->kernels.push_back(make_transfer(info, device, channel));
      node.cost = Cost::kTrivial;
    } else if (maker) {
      program->kernels.push_back(maker(info));
    } else {
      const KernelEntry& entry = registry.find(info, kCpu);
      program->kernels.push_back(entry.factory(info));
      node.cost = entry.cost;
    }
    node.kernel = program->kernels.back().get();
    node.async = dynamic_cast<AsyncKernel*>(node.kernel) != nullptr;
  }

  // Takes `info` when nothing can go wrong any more: an error still has to name the node.
  void add_runnable(std::unique_ptr<NodeInfo>& info, const std::vector<int32_t>& slots,
                    const std::vector<int32_t>& before, const KernelMaker& maker) {
    for (int32_t slot : slots) {
      const int32_t constant = slot_constant[slot];
      info->constant_inputs.push_back(constant < 0 ? Tensor()
                                                   : program->constants[constant].second);
    }
    ProgramNode node;
    node.info = info.get();
    node.first_slot = program->num_slots - static_cast<int32_t>(info->output_dtypes.size());
    node.first_input = static_cast<int32_t>(program->input_slots.size());
    choose_kernel(node, *info, maker);
    for (int32_t slot : slots) ++program->slot_readers[slot];
    program->input_slots.insert(program->input_slots.end(), slots.begin(), slots.end());
    predecessors.push_back(distinct_runnable(before));
    node.num_predecessors = static_cast<int32_t>(predecessors.back().size());
    program->nodes.push_back(node);
    program->infos.push_back(std::move(info));
  }

  // The program nodes among builder nodes, each once.
  std::vector<int32_t> distinct_runnable(const std::vector<int32_t>& before) const {
    std::vector<int32_t> nodes;
    for (int32_t b : before) {
      if (built[b].program_node >= 0) nodes.push_back(built[b].program_node);
    }
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  void link_successors() {
    const size_t n = program->nodes.size();
    std::vector<int32_t> counts(n + 1, 0);
    for (const auto& list : predecessors) {
      for (int32_t p : list) ++counts[p];
    }
    int32_t total = 0;
    for (size_t i = 0; i < n; ++i) {
      program->nodes[i].successors = Range{total, total};
      total += counts[i];
    }
    program->successors.resize(static_cast<size_t>(total));
    for (size_t i = 0; i < n; ++i) {
      for (int32_t p : predecessors[i]) {
        program->successors[program->nodes[p].successors.end++] = static_cast<int32_t>(i);
      }
    }
  }

  // In the given order: the node that reads a slot last lets go of it, and may reuse its
  // buffer if it reads it by one input only. Outputs that nobody reads die where they are made.
  void find_last_uses() {
    std::vector<int32_t> last(static_cast<size_t>(program->num_slots), -1);
    const auto inputs_of = [&](size_t i) {
      const int32_t begin = program->nodes[i].first_input;
      return Range{begin,
                   begin + static_cast<int32_t>(program->nodes[i].info->input_dtypes.size())};
    };
    for (size_t i = 0; i < program->nodes.size(); ++i) {
      const Range inputs = inputs_of(i);
      for (int32_t k = inputs.begin; k < inputs.end; ++k) {
        last[program->input_slots[k]] = static_cast<int32_t>(i);
      }
    }
    for (int32_t slot : program->fetch_slots) {
      if (slot >= 0) last[slot] = -1;
    }
    for (const auto& constant : program->constants) last[constant.first] = -1;
    for (size_t i = 0; i < program->nodes.size(); ++i)
      mark_dead(static_cast<int32_t>(i), inputs_of(i), last);
  }

  void mark_dead(int32_t i, Range inputs, std::vector<int32_t>& last) {
    ProgramNode& node = program->nodes[i];
    const auto begin = program->input_slots.begin();
    node.dead.begin = static_cast<int32_t>(program->dead_slots.size());
    for (int32_t k = inputs.begin; k < inputs.end; ++k) {
      const int32_t slot = program->input_slots[k];
      if (last[slot] != i) continue;
      const int bit = k - inputs.begin;
      if (bit < 64 && std::count(begin + inputs.begin, begin + inputs.end, slot) == 1) {
        node.last_use |= uint64_t{1} << bit;
      }
      last[slot] = -1;
      program->dead_slots.push_back(slot);
    }
    for (size_t o = 0; o < node.info->output_dtypes.size(); ++o) {
      const int32_t slot = node.first_slot + static_cast<int32_t>(o);
      if (program->slot_readers[slot] == 0) program->dead_slots.push_back(slot);
    }
    node.dead.end = static_cast<int32_t>(program->dead_slots.size());
  }
};

ProgramBuilder::ProgramBuilder(const KernelRegistry& registry, Device& device,
                               ChannelTable& channels)
    : impl_(new Impl(registry, device, channels)) {
  impl_->program->device = &device;
  impl_->program->session = device.state();
}
ProgramBuilder::~ProgramBuilder() = default;

int ProgramBuilder::add_node(std::string name, std::string op, std::string device,
                             std::vector<Endpoint> inputs, std::vector<int32_t> control_inputs,
                             Attrs attrs, std::vector<DType> outputs, const KernelMaker& maker) {
  Impl& b = *impl_;
  auto info = std::make_unique<NodeInfo>();
  info->name = std::move(name);
  info->op = std::move(op);
  info->device = std::move(device);
  info->attrs = std::move(attrs);
  info->output_dtypes = std::move(outputs);
  const NodeInfo& node = *info;
  try {
    std::vector<int32_t> slots;
    std::vector<int32_t> before = std::move(control_inputs);
    for (int32_t c : before) {
      invariant(c >= 0 && c < static_cast<int32_t>(b.built.size()), "control input ", c);
    }
    for (Endpoint from : inputs) {
      slots.push_back(b.slot_of(from, node));
      info->input_dtypes.push_back(b.program->slot_dtypes[slots.back()]);
      before.push_back(from.node);
    }
    b.add_slots(info->output_dtypes);
    BuiltNode made{b.program->num_slots - static_cast<int32_t>(node.output_dtypes.size()),
                   static_cast<int32_t>(node.output_dtypes.size()), -1};
    if (!b.add_without_kernel(node, slots)) {
      made.program_node = static_cast<int32_t>(b.program->nodes.size());
      b.add_runnable(info, slots, before, maker);
    }
    b.built.push_back(made);
    return static_cast<int>(b.built.size()) - 1;
  } catch (...) {
    throw current_error(node);
  }
}

void ProgramBuilder::plan_memory(const std::vector<PlannedOutput>& outputs, int64_t bytes) {
  std::vector<PlannedPlace> places;
  for (const PlannedOutput& planned : outputs) {
    invariant(planned.node >= 0 && planned.node < static_cast<int32_t>(impl_->built.size()),
              "memory is planned for node ", planned.node);
    const BuiltNode& node = impl_->built[planned.node];
    invariant(planned.output >= 0 && planned.output < node.num_outputs,
              "memory is planned for output ", planned.output);
    places.push_back({node.first_slot + planned.output, planned.offset, planned.bytes});
  }
  impl_->program->layout = ArenaLayout(places, bytes, impl_->program->num_slots);
}

void ProgramBuilder::set_budget(Budget budget) { impl_->program->budget = budget; }

std::unique_ptr<Program> ProgramBuilder::build() {
  for (const FeedInfo& feed : impl_->program->feeds) {
    invariant(feed.dtype != DType::kInvalid, "a feed index is missing");
  }
  for (int32_t slot : impl_->program->fetch_slots) invariant(slot >= 0, "a fetch index is missing");
  impl_->link_successors();
  impl_->find_last_uses();
  return std::move(impl_->program);
}

}  // namespace penstock
