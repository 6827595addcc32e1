// Picking slices of a tensor by index, for every op that does so: GatherV2, GatherNd,
// ResourceGather, embedding look-ups. Indices are checked before anything is read or written.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

// out[b, o, i, ...] = params[b, o, indices[b, i], ...], `axis` and `batch_dims` in range.
Tensor gather(const KernelContext& ctx, const Tensor& params, const Tensor& indices, int axis,
              int batch_dims);

// Slices of params at the positions that the rows of `indices` name.
Tensor gather_nd(const KernelContext& ctx, const Tensor& params, const Tensor& indices);

// The elements of `indices` as numbers in [0, limit); InvalidArgument names the first that is
// not, its position and the bound.
std::vector<int64_t> checked_indices(const Tensor& indices, int64_t limit);

// Each row of the last dimension of `indices` is a position in the leading dimensions of
// `shape`: these as flat slice numbers. InvalidArgument names a position out of range.
std::vector<int64_t> flat_positions(const Tensor& indices, const Shape& shape);

}  // namespace penstock
