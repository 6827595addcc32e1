// The channels-first layouts (NCHW) of ops whose kernels compute in NHWC: a kernel that
// transposes images on their way in and out and lets the NHWC kernel do the rest.
//
//   r.add("Conv2D", kCpu, types, either_layout<make<Conv2D<float>>, kRoles>);
#pragma once

#include <memory>

#include "runtime/kernel.h"
#include "runtime/kernel_registry.h"

namespace penstock {

// What each input or output is, one letter each: 'i' an image (transposed), 's' the vector of
// an image's sizes (permuted), '-' anything else (passed on). Missing letters mean '-'.
struct ImageRoles {
  const char* inputs;
  const char* outputs;
};

bool is_channels_first(const NodeInfo& node);
// The kernel of a channels-first node around what `factory` makes of its NHWC twin.
std::unique_ptr<Kernel> make_channels_first(const NodeInfo& node, KernelFactory factory,
                                            const ImageRoles& roles);

template <KernelFactory factory, const ImageRoles& roles>
std::unique_ptr<Kernel> either_layout(const NodeInfo& node) {
  return is_channels_first(node) ? make_channels_first(node, factory, roles) : factory(node);
}

}  // namespace penstock
