// From slots and variables back to names. A buffer that several tensors share is told once: as
// the variable if it is one's value, otherwise as what made it first.
#include "runtime/memory_report.h"

#include <algorithm>
#include <set>

namespace penstock {
namespace {

constexpr size_t kLines = 10;

struct Holding {
  int64_t bytes;
  std::string what;
};

class Holdings {
 public:
  explicit Holdings(Device& device) : device_(device) {}

  // Notes a tensor whose memory is the device's and not noted yet.
  void add(const Tensor& tensor, const std::string& owner) {
    if (!tensor.buffer() || !device_.owns(*tensor.buffer().get())) return;
    const MemoryBlock block = device_.block_of(tensor);
    if (!seen_.insert(block.number).second) return;
    found_.push_back({block.bytes, concat(tensor.to_string(), "  ", owner)});
    total_ += block.bytes;
  }

  std::vector<std::string> lines() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Holding& a, const Holding& b) { return a.bytes > b.bytes; });
    std::vector<std::string> lines{"largest live tensors, in bytes:"};
    for (size_t i = 0; i < std::min(kLines, found_.size()); ++i) {
      lines.push_back(line(found_[i].bytes, found_[i].what));
      total_ -= found_[i].bytes;
    }
    if (found_.size() > kLines) {
      lines.push_back(line(total_, concat(found_.size() - kLines, " smaller ones")));
    }
    int64_t elsewhere = device_.memory_stats().live;
    for (const Holding& holding : found_) elsewhere -= holding.bytes;
    if (elsewhere > 0)
      lines.push_back(line(elsewhere, "elsewhere: fetched arrays, other plans and runs"));
    if (lines.size() == 1) return {"no tensor was live"};
    return lines;
  }

 private:
  static std::string line(int64_t bytes, const std::string& what) {
    std::string number = std::to_string(bytes);
    if (number.size() < 12) number.insert(0, 12 - number.size(), ' ');
    return number + "  " + what;
  }

  Device& device_;
  std::set<uintptr_t> seen_;
  std::vector<Holding> found_;
  int64_t total_ = 0;
};

void add_variables(Holdings& holdings, const ResourceContainer& resources) {
  for (const auto& [name, resource] : resources.snapshot()) {
    auto* variable = dynamic_cast<Variable*>(resource.get());
    if (!variable) continue;
    std::lock_guard<std::mutex> lock(variable->mutex());
    holdings.add(variable->value(), concat("variable \"", name, '"'));
  }
}

void add_values(Holdings& holdings, const Program& program, Values& values) {
  for (size_t i = 0; i < program.constants.size(); ++i) {
    holdings.add(program.constants[i].second, concat("Const \"", program.constant_names[i], '"'));
  }
  for (const FeedInfo& feed : program.feeds) {
    holdings.add(values.slot(feed.slot), concat("fed \"", feed.name, '"'));
  }
  for (const ProgramNode& node : program.nodes) {
    const size_t outputs = node.info->output_dtypes.size();
    for (size_t o = 0; o < outputs; ++o) {
      const std::string which = outputs > 1 ? concat(':', o) : "";
      holdings.add(values.slot(node.first_slot + static_cast<int32_t>(o)),
                   concat(node.info->op, " \"", node.info->name, which, '"'));
    }
  }
}

}  // namespace

std::vector<std::string> describe_memory(const Partitions& partitions, Step* step,
                                         const std::string& device) {
  const Program* on = &partitions.host();
  for (size_t p = 0; p < partitions.size(); ++p) {
    if (partitions.program(p).device->name() == device) on = &partitions.program(p);
  }
  Device* const holder = on->device;
  Holdings holdings(*holder);
  add_variables(holdings, holder->resources());
  for (size_t p = 0; step && p < partitions.size(); ++p) {
    add_values(holdings, partitions.program(p), step->values(p));
  }
  std::vector<std::string> lines = holdings.lines();
  if (on->budget.bytes > 0) {
    lines.insert(lines.begin(), concat("memory budget ", on->budget.bytes,
                                       " bytes; the plan of this run needs ", on->budget.planned));
  }
  return lines;
}

}  // namespace penstock
