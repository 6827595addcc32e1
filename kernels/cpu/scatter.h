// Putting slices into a tensor by index, for every op that does so: ScatterNd, the segment
// sums, TensorScatter*, ResourceScatter*. Where an index occurs twice the updates apply in
// their order, whatever the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

enum class Combine : uint8_t { kUpdate, kAdd, kSub, kMul, kDiv, kMin, kMax };

// For each k: target slice rows[k] (of `inner` elements) combines with update slice k. Rows
// are in range already; negative ones are skipped. `updates` holds rows.size() * inner
// elements, or one that stands for all.
void scatter_rows(const KernelContext& ctx, Combine combine, Tensor& target, int64_t inner,
                  const std::vector<int64_t>& rows, const Tensor& updates);

// InvalidArgument unless `updates` has shape `lead` + `tail` (or, if allowed, is a scalar).
void check_updates(const Shape& lead, const Shape& tail, const Tensor& updates,
                   bool scalar_allowed);

}  // namespace penstock
