// Gathering slices: check all indices, then copy slices in parallel.
#include "cpu/gather.h"

#include <algorithm>

#include "cpu/axes.h"
#include "cpu/elements.h"

namespace penstock {
namespace {

// "[1, 2]" for flat position 5 of a tensor of shape [2, 3].
std::string position_text(const Shape& shape, int64_t flat) {
  std::vector<int64_t> at(static_cast<size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    at[static_cast<size_t>(d)] = flat % shape[d];
    flat /= shape[d];
  }
  std::string text = "[";
  for (size_t d = 0; d < at.size(); ++d) text += (d ? ", " : "") + std::to_string(at[d]);
  return text + "]";
}

[[noreturn, gnu::cold]] void fail_index(const Tensor& indices, int64_t i, int64_t limit) {
  fail(Code::kInvalidArgument, "indices",
       indices.is_scalar() ? std::string() : position_text(indices.shape(), i), " = ",
       int_at(indices, i), " is not in [0, ", limit, ")");
}

template <class I>
void check(const Tensor& indices, int64_t limit) {
  const I* index = indices.data<I>();
  const int64_t n = indices.num_elements();
  bool bad = false;
  for (int64_t i = 0; i < n; ++i) {
    bad |= static_cast<uint64_t>(static_cast<int64_t>(index[i])) >= static_cast<uint64_t>(limit);
  }
  if (!bad) return;
  for (int64_t i = 0; i < n; ++i) {
    if (index[i] < 0 || index[i] >= limit) fail_index(indices, i, limit);
  }
}

// What a gather does, in numbers.
struct Plan {
  int64_t batch, outer, axis, inner, count;  // count: indices in one batch
};

template <class E, class I>
void copy_slices(const KernelContext& ctx, const Plan& p, const E* params, const I* indices, E* out,
                 double cost) {
  const int64_t units = p.batch * p.outer * p.count;
  ctx.parallel_for(units, 2.0 + cost * static_cast<double>(p.inner),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t unit = begin; unit < end;) {
                       const int64_t block = unit / p.count;  // the (batch, outer) pair
                       const int64_t stop = std::min(end, (block + 1) * p.count);
                       const I* index = indices + block / p.outer * p.count - block * p.count;
                       const E* from = params + block * p.axis * p.inner;
                       if (p.inner == 1) {
                         for (; unit < stop; ++unit) out[unit] = from[index[unit]];
                       } else {
                         for (; unit < stop; ++unit) {
                           std::copy_n(from + static_cast<int64_t>(index[unit]) * p.inner, p.inner,
                                       out + unit * p.inner);
                         }
                       }
                     }
                   });
}

}  // namespace

std::vector<int64_t> checked_indices(const Tensor& indices, int64_t limit) {
  std::vector<int64_t> result(static_cast<size_t>(indices.num_elements()));
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t index = int_at(indices, static_cast<int64_t>(i));
    if (index < 0 || index >= limit) fail_index(indices, static_cast<int64_t>(i), limit);
    result[i] = index;
  }
  return result;
}

std::vector<int64_t> flat_positions(const Tensor& indices, const Shape& shape) {
  require(indices.rank() >= 1, "indices must have at least one dimension");
  const int64_t depth = indices.dim(indices.rank() - 1);
  require(depth <= shape.rank(), "the last dimension of indices is ", depth,
          ", more than the rank of shape ", shape);
  std::vector<int64_t> result(static_cast<size_t>(indices.shape().product(0, indices.rank() - 1)));
  for (size_t row = 0; row < result.size(); ++row) {
    int64_t flat = 0;
    for (int d = 0; d < depth; ++d) {
      const int64_t at = static_cast<int64_t>(row) * depth + d;
      const int64_t index = int_at(indices, at);
      if (index < 0 || index >= shape[d]) fail_index(indices, at, shape[d]);
      flat = flat * shape[d] + index;
    }
    result[row] = flat;
  }
  return result;
}

Tensor gather(const KernelContext& ctx, const Tensor& params, const Tensor& indices, int axis,
              int batch_dims) {
  const Shape& p = params.shape();
  const Shape& n = indices.shape();
  for (int d = 0; d < batch_dims; ++d) {
    require(p[d] == n[d], "params and indices must agree in the ", batch_dims,
            " batch dimensions: shapes ", p, " and ", n);
  }
  Shape shape(p.dims(), axis);
  for (int d = batch_dims; d < n.rank(); ++d) shape.push_back(n[d]);
  for (int d = axis + 1; d < p.rank(); ++d) shape.push_back(p[d]);
  const Plan plan{p.product(0, batch_dims), p.product(batch_dims, axis), p[axis],
                  p.product(axis + 1, p.rank()), n.product(batch_dims, n.rank())};
  Tensor index = indices;
  if (indices.dtype() == DType::kInt16) {
    index = ctx.allocate_temp(DType::kInt32, n);
    std::copy_n(indices.data<int16_t>(), n.num_elements(), index.mutable_data<int32_t>());
  }
  const bool wide = index.dtype() == DType::kInt64;
  wide ? check<int64_t>(index, plan.axis) : check<int32_t>(index, plan.axis);
  Tensor out = ctx.allocate_temp(params.dtype(), Shape::checked(shape.dims(), shape.rank()));
  if (out.num_elements() == 0) return out;
  visit_element(params.dtype(), [&](auto zero) {
    using E = decltype(zero);
    const double cost = move_cost(params.dtype());
    if (wide) {
      copy_slices(ctx, plan, params.data<E>(), index.data<int64_t>(), out.mutable_data<E>(), cost);
    } else {
      copy_slices(ctx, plan, params.data<E>(), index.data<int32_t>(), out.mutable_data<E>(), cost);
    }
  });
  return out;
}

Tensor gather_nd(const KernelContext& ctx, const Tensor& params, const Tensor& indices) {
  const std::vector<int64_t> rows = flat_positions(indices, params.shape());
  const int lead = indices.rank() - 1, depth = static_cast<int>(indices.dim(lead));
  Shape shape(indices.shape().dims(), lead);
  for (int d = depth; d < params.rank(); ++d) shape.push_back(params.dim(d));
  Tensor out = ctx.allocate_temp(params.dtype(), Shape::checked(shape.dims(), shape.rank()));
  if (out.num_elements() == 0) return out;
  const Plan plan{1, 1, params.shape().product(0, depth),
                  params.shape().product(depth, params.rank()), static_cast<int64_t>(rows.size())};
  visit_element(params.dtype(), [&](auto zero) {
    using E = decltype(zero);
    copy_slices(ctx, plan, params.data<E>(), rows.data(), out.mutable_data<E>(),
                move_cost(params.dtype()));
  });
  return out;
}

}  // namespace penstock
