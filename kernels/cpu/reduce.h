// Reducing any axes of a tensor, whatever the fold.
//
// The axes are merged into groups that are kept or reduced in turn; the innermost reduced group
// goes first, so each step is a fold of [outer, n, inner] over its middle. Long folds are cut
// into blocks whose results are folded again: the cuts depend on the shape only, so the
// result does not depend on the number of threads.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "cpu/folds.h"
#include "runtime/kernel.h"

namespace penstock {

// Which axes of a shape are reduced, and what is left.
struct ReducedAxes {
  uint32_t mask = 0;  // bit d: axis d is reduced
  Shape result;       // with reduced axes gone, or of size 1
  int64_t count = 1;  // elements folded into one
};

// Reads `axes` (a scalar or a vector, negative allowed); refuses axes out of range or named twice.
ReducedAxes read_reduced_axes(const Shape& shape, const Tensor& axes, bool keep_dims);

// The accumulators, of shape `axes.result`, of folding x over `axes`. They may share the buffer
// of x when every reduced axis has size 1 and the fold leaves single elements as they are.
Tensor reduce(const KernelContext& ctx, const Folding& folding, const Tensor& x,
              const ReducedAxes& axes);

}  // namespace penstock
