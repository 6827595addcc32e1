// Half precision by widening: the float32 kernel of an op, run on widened copies of its
// float16 or bfloat16 inputs, its results rounded back once. A sum is thus taken in float.
//
//   r.add("Conv2D", kCpu, {{"T", kHalf2}}, widened<make<Conv2D<float>>>, Cost::kHeavy);
#pragma once

#include <memory>

#include "runtime/kernel.h"
#include "runtime/kernel_registry.h"

namespace penstock {

// The kernel of `node`; `factory` makes the one that it runs, for a node in which every half
// dtype (of inputs, outputs and type attributes) reads float32.
std::unique_ptr<Kernel> make_widened(const NodeInfo& node, KernelFactory factory);

template <KernelFactory factory>
std::unique_ptr<Kernel> widened(const NodeInfo& node) {
  return make_widened(node, factory);
}

// The two ways to make kernels of a factory, for functions that register both.
template <KernelFactory f>
struct AsItIs {
  static constexpr KernelFactory factory = f;
};
template <KernelFactory f>
struct ByWidening {
  static constexpr KernelFactory factory = widened<f>;
};

}  // namespace penstock
