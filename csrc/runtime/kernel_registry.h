// Which kernel computes an op on a device type for given dtypes.
//
// Each family has one function `register_<family>(KernelRegistry&)`, called from the list in
// kernels/cpu/register.cc; nothing registers itself. A registration names the type attributes
// it constrains; the factory then chooses the typed function by the node's dtypes. The
// registry is filled once, before the first program, and only read afterwards.
//
//   r.add("SquaredDifference", kCpu, {{"T", kNumber}}, zip<SquaredDifferenceFn>);
//   r.add("Conv2D", kCpu, {{"T", kFloating}}, make<Conv2D>, Cost::kHeavy);
//   r.add("Shape", kCpu, {}, function<compute_shape>, Cost::kTrivial);
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/kernel.h"

namespace penstock {

inline constexpr const char* kCpu = "CPU";

// Makes the kernel of one node; throws Error when attributes are out of their range.
using KernelFactory = std::unique_ptr<Kernel> (*)(const NodeInfo&);
using TypeConstraints = std::vector<std::pair<std::string, DTypeSet>>;

struct KernelEntry {
  std::string device_type;
  TypeConstraints types;
  KernelFactory factory = nullptr;
  Cost cost = Cost::kElements;
  int priority = 0;  // the highest that matches wins: a library's kernel beside the portable one
  std::string
      label;  // "portable", "onednn": what the option `kernels` selects by, and `info` shows
};

class KernelRegistry {
 public:
  void add(const std::string& op, const char* device_type, TypeConstraints types,
           KernelFactory factory, Cost cost = Cost::kElements, int priority = 0,
           const char* label = "portable");
  // The entry for a node. NotFound lists what there is for the op: by device type, by dtype.
  const KernelEntry& find(const NodeInfo& node, const std::string& device_type) const;
  // True when `find` would succeed.
  bool supports(const NodeInfo& node, const std::string& device_type) const;
  std::vector<std::string> ops() const;
  const std::vector<KernelEntry>* entries(const std::string& op) const;
  // Only kernels labelled "portable" are chosen from now on (tests, sanitizers).
  void set_portable_only(bool on) { portable_only_ = on; }

 private:
  std::map<std::string, std::vector<KernelEntry>> entries_;
  bool portable_only_ = false;
};

// The process's registry, filled on first use (defined beside the list of families).
KernelRegistry& kernel_registry();

// Factories for the two common cases.
template <class K>
std::unique_ptr<Kernel> make(const NodeInfo& node) {
  return std::make_unique<K>(node);
}
template <ComputeFn fn>
std::unique_ptr<Kernel> function(const NodeInfo&) {
  return std::make_unique<FunctionKernel>(fn);
}

}  // namespace penstock
