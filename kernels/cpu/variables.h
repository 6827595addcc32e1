// Several variables locked at once, for updates that touch a weight and its slots together.
#pragma once

#include <mutex>
#include <vector>

#include "core/resource.h"
#include "runtime/kernel.h"

namespace penstock {

// The variables of inputs [0, count) of a node, locked in the order of their addresses (so two
// updates never wait for each other), checked for dtype and shape and writable in place, as
// long as this object lives.
class LockedVariables {
 public:
  LockedVariables(const KernelContext& ctx, int count, DType dtype);

  Tensor& value(int i) { return *values_[static_cast<size_t>(i)]; }
  int64_t num_elements() { return values_[0]->num_elements(); }

 private:
  std::vector<std::unique_lock<std::mutex>> locks_;
  std::vector<Tensor*> values_;
};

}  // namespace penstock
