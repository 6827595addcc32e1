// Tensors filled from a place in a random stream: what stateful and stateless ops share.
#pragma once

#include "core/tensor.h"
#include "cpu/philox.h"
#include "runtime/kernel.h"

namespace penstock {

// Fills `out` from `stream` on. The result depends on nothing else.
using RandomFillFn = void (*)(const KernelContext& ctx, const Philox& stream, Tensor& out);

RandomFillFn uniform_fill(DType dtype);           // in [0, 1)
RandomFillFn normal_fill(DType dtype);            // mean 0, deviation 1
RandomFillFn truncated_normal_fill(DType dtype);  // the same, redrawn outside of (-2, 2)

// Integers in [low, high), scalars of the dtype of `out`, int32 or int64.
void fill_uniform_int(const KernelContext& ctx, const Philox& stream, const Tensor& low,
                      const Tensor& high, Tensor& out);

}  // namespace penstock
