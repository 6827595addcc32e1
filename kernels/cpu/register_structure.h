// The families that rearrange, group and count elements, and the special functions. They are
// apart from register.h because every older kernel file includes that one: a family more here
// recompiles only the files of this list.
#pragma once

#include "runtime/kernel_registry.h"

namespace penstock {

void register_blocks(KernelRegistry& r);
void register_counting(KernelRegistry& r);
void register_cross(KernelRegistry& r);
void register_diagonals(KernelRegistry& r);
void register_gamma(KernelRegistry& r);
void register_image_patches(KernelRegistry& r);
void register_incomplete(KernelRegistry& r);
void register_quantization(KernelRegistry& r);
void register_reorder(KernelRegistry& r);
void register_segments(KernelRegistry& r);

}  // namespace penstock
