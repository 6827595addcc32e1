// How often numbers occur, how many elements of a sorted row lie below others, and flat
// positions taken apart into one index for each dimension.
#include <algorithm>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register_structure.h"

namespace penstock {
namespace {

// bins[v] is the sum of the weights (1 each where there are none) of the elements equal to v.
void compute_bincount(KernelContext& ctx) {
  const Tensor &values = ctx.input(0), &weights = ctx.input(2);
  const int64_t size = int_scalar(ctx.input(1), "size");
  require(size >= 0, "size must not be negative, got ", size);
  const int64_t n = values.num_elements();
  const bool weighted = weights.num_elements() > 0;
  require(!weighted || weights.shape() == values.shape(), "weights must be empty or have shape ",
          values.shape(), ", that of the values, got ", weights.shape());
  const int32_t* value = values.data<int32_t>();
  for (int64_t i = 0; i < n; ++i) {
    require(value[i] >= 0, "element ", i, " is ", value[i], ": only numbers >= 0 are counted");
  }
  Tensor& out = ctx.allocate_output(0, {size});
  clear_elements(ctx, out.dtype(), out.raw(), size);
  visit_dtype<float, double, int32_t, int64_t>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using W = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;  // wraps, not overflows
    T* bins = out.mutable_data<T>();
    for (int64_t i = 0; i < n; ++i) {
      if (value[i] >= size) continue;
      const T weight = weighted ? weights.data<T>()[i] : T(1);
      bins[value[i]] = static_cast<T>(static_cast<W>(bins[value[i]]) + static_cast<W>(weight));
    }
  });
}

// For each value the number of elements of its sorted row that are below it, or not above it.
template <bool or_equal>
void compute_bound(KernelContext& ctx) {
  const Tensor row = ctx.input(0), values = ctx.input(1);
  require(row.rank() == 2 && values.rank() == 2 && row.dim(0) == values.dim(0),
          "sorted_inputs and values must be matrices of as many rows, got shapes ", row.shape(),
          " and ", values.shape());
  require(row.dim(1) <= INT32_MAX, "a sorted row has ", row.dim(1), " elements, beyond int32");
  Tensor& out = ctx.allocate_output(0, values.shape());
  visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, float16, bfloat16>(row.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = row.dim(1), m = values.dim(1);
    ctx.parallel_for(values.num_elements(), 40.0, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* first = row.data<T>() + i / m * n;
        const T value = values.data<T>()[i];
        const auto below = [](const T& x, const T& y) { return x < y; };
        const T* at = or_equal ? std::upper_bound(first, first + n, value, below)
                               : std::lower_bound(first, first + n, value, below);
        if (out.dtype() == DType::kInt64) {
          out.mutable_data<int64_t>()[i] = at - first;
        } else {
          out.mutable_data<int32_t>()[i] = static_cast<int32_t>(at - first);
        }
      }
    });
  });
}

// Row d of the output: where the flat positions are along dimension d of a tensor of size `dims`.
void compute_unravel_index(KernelContext& ctx) {
  const Tensor& indices = ctx.input(0);
  require(indices.rank() <= 1, "indices must be a scalar or a vector, got shape ", indices.shape());
  const Shape dims = shape_from(ctx.input(1), "dims");
  const int64_t n = indices.num_elements(), limit = dims.num_elements();
  Shape shape{dims.rank()};
  if (indices.rank() == 1) shape.push_back(n);
  Tensor& out = ctx.allocate_output(0, shape);
  visit_dtype<int32_t, int64_t>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < n; ++i) {
      int64_t left = indices.data<T>()[i];
      require(left >= 0 && left < limit, "indices[", i, "] = ", left, " is not in [0, ", limit,
              "), the number of elements of shape ", dims);
      for (int d = dims.rank() - 1; d >= 0; --d) {
        out.mutable_data<T>()[d * n + i] = static_cast<T>(left % dims[d]);
        left /= dims[d];
      }
    }
  });
}

}  // namespace

void register_counting(KernelRegistry& r) {
  const DTypeSet counted = kFloat2 | kIndex;
  r.add("Bincount", kCpu, {{"T", counted}}, function<compute_bincount>);
  r.add("LowerBound", kCpu, {{"T", kReal}}, function<compute_bound<false>>);
  r.add("UpperBound", kCpu, {{"T", kReal}}, function<compute_bound<true>>);
  r.add("UnravelIndex", kCpu, {}, function<compute_unravel_index>);
}

}  // namespace penstock
