// Choosing a kernel, and saying what there is where none fits.
#include "runtime/kernel_registry.h"

#include <set>

namespace penstock {
namespace {

// The dtypes that a type attribute stands for in this node: one, or a list of them.
DTypeSet dtypes_of_attr(const NodeInfo& node, const std::string& attr) {
  const AttrValue* value = node.attrs.find(attr);
  DTypeSet dtypes;
  if (!value) return dtypes;
  if (const DType* one = std::get_if<DType>(value)) return *one;
  if (const auto* list = std::get_if<std::vector<DType>>(value)) {
    for (DType dtype : *list) dtypes = dtypes | dtype;
  }
  return dtypes;
}

bool types_match(const KernelEntry& entry, const NodeInfo& node) {
  for (const auto& [attr, allowed] : entry.types) {
    if (!allowed.has_all(dtypes_of_attr(node, attr))) return false;
  }
  return true;
}

const KernelEntry* best_match(const std::vector<KernelEntry>& entries, const NodeInfo& node,
                              const std::string& device_type, bool portable_only) {
  const KernelEntry* best = nullptr;
  for (const KernelEntry& entry : entries) {
    if (entry.device_type != device_type || !types_match(entry, node)) continue;
    if (portable_only && entry.label != "portable") continue;
    if (!best || entry.priority > best->priority) best = &entry;
  }
  return best;
}

std::string describe(const KernelEntry& entry) {
  std::string text = "\n  on " + entry.device_type;
  for (const auto& [attr, allowed] : entry.types)
    text += ", " + attr + " in " + allowed.to_string();
  return entry.label == "portable" ? text : text + " (" + entry.label + ")";
}

[[noreturn]] void throw_no_kernel(const std::vector<KernelEntry>* entries, const NodeInfo& node,
                                  const std::string& device_type) {
  if (!entries) {
    fail(Code::kNotFound, "op \"", node.op, "\" has no kernel on any device type");
  }
  std::set<std::string> attrs;
  for (const KernelEntry& entry : *entries) {
    for (const auto& constraint : entry.types) attrs.insert(constraint.first);
  }
  std::string wanted;
  for (const std::string& attr : attrs) {
    wanted += ", " + attr + " = " + dtypes_of_attr(node, attr).to_string();
  }
  std::string there;
  for (const KernelEntry& entry : *entries) there += describe(entry);
  fail(Code::kNotFound, "no kernel for op \"", node.op, "\" on ", device_type, wanted,
       "; there are these:", there);
}

}  // namespace

void KernelRegistry::add(const std::string& op, const char* device_type, TypeConstraints types,
                         KernelFactory factory, Cost cost, int priority, const char* label) {
  entries_[op].push_back(
      KernelEntry{device_type, std::move(types), factory, cost, priority, label});
}

const KernelEntry& KernelRegistry::find(const NodeInfo& node,
                                        const std::string& device_type) const {
  const std::vector<KernelEntry>* candidates = entries(node.op);
  if (candidates) {
    const KernelEntry* best = best_match(*candidates, node, device_type, portable_only_);
    if (best) return *best;
  }
  throw_no_kernel(candidates, node, device_type);
}

bool KernelRegistry::supports(const NodeInfo& node, const std::string& device_type) const {
  const std::vector<KernelEntry>* candidates = entries(node.op);
  return candidates && best_match(*candidates, node, device_type, portable_only_);
}

std::vector<std::string> KernelRegistry::ops() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& row : entries_) names.push_back(row.first);
  return names;
}

const std::vector<KernelEntry>* KernelRegistry::entries(const std::string& op) const {
  auto it = entries_.find(op);
  return it == entries_.end() ? nullptr : &it->second;
}

}  // namespace penstock
