// Scattering slices, and the ops that do nothing else: ScatterNd, TensorScatter*, segment sums.
//
// Threads divide the target, not the updates: each looks at all indices and applies those that
// fall into its part, so no two write the same slice and the order of updates is kept.
#include "cpu/scatter.h"

#include <algorithm>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/gather.h"
#include "cpu/register.h"

namespace penstock {
namespace {

constexpr DTypeSet kScattered = kNumber;

template <class T>
T combined(Combine combine, T x, T y) {
  if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) {
    switch (combine) {
      case Combine::kAdd:
        return x + y;
      case Combine::kSub:
        return x - y;
      case Combine::kMul:
        return x * y;
      case Combine::kDiv:
        return x / y;
      default:
        return y;
    }
  } else if constexpr (std::is_integral_v<T>) {
    using W = std::make_unsigned_t<std::common_type_t<T, int>>;  // wraps instead of overflowing
    switch (combine) {
      case Combine::kAdd:
        return static_cast<T>(static_cast<W>(x) + static_cast<W>(y));
      case Combine::kSub:
        return static_cast<T>(static_cast<W>(x) - static_cast<W>(y));
      case Combine::kMul:
        return static_cast<T>(static_cast<W>(x) * static_cast<W>(y));
      case Combine::kDiv:
        require(y != 0, "integer division by zero");
        return y == static_cast<T>(-1) ? static_cast<T>(0 - static_cast<W>(x))
                                       : static_cast<T>(x / y);
      case Combine::kMin:
        return y < x ? y : x;
      case Combine::kMax:
        return x < y ? y : x;
      default:
        return y;
    }
  } else {
    switch (combine) {
      case Combine::kAdd:
        return T(x + y);
      case Combine::kSub:
        return T(x - y);
      case Combine::kMul:
        return T(x * y);
      case Combine::kDiv:
        return T(x / y);
      case Combine::kMin:  // a NaN wins
        return y < x || y != y ? y : x;
      case Combine::kMax:
        return x < y || y != y ? y : x;
      default:
        return y;
    }
  }
}

template <Combine combine, class T>
void combine_run(T* to, const T* from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = combined(combine, to[i], from[i]);
}

// One slice; the branch on `combine` is outside of the loop over elements where it matters.
template <class T>
void combine_slice(Combine combine, T* to, const T* from, int64_t step, int64_t n) {
  if (step == 1) {
    if (combine == Combine::kAdd) return combine_run<Combine::kAdd>(to, from, n);
    if (combine == Combine::kMax) return combine_run<Combine::kMax>(to, from, n);
    if (combine == Combine::kMin) return combine_run<Combine::kMin>(to, from, n);
  }
  for (int64_t i = 0; i < n; ++i) to[i] = combined(combine, to[i], from[i * step]);
}

// Calls apply(k, row) for the updates, in order, on several threads by parts of the target.
template <class Apply>
void for_each_row(const KernelContext& ctx, const std::vector<int64_t>& rows, int64_t target_rows,
                  double row_cost, const Apply& apply) {
  const auto count = static_cast<int64_t>(rows.size());
  if (row_cost < 8.0) {  // reading the indices twice would cost as much as the updates
    for (int64_t k = 0; k < count; ++k) {
      if (rows[static_cast<size_t>(k)] >= 0) apply(k, rows[static_cast<size_t>(k)]);
    }
    return;
  }
  const double cost = row_cost * static_cast<double>(count) / static_cast<double>(target_rows);
  ctx.parallel_for(target_rows, cost, [&](int64_t begin, int64_t end) {
    for (int64_t k = 0; k < count; ++k) {
      const int64_t row = rows[static_cast<size_t>(k)];
      if (row >= begin && row < end) apply(k, row);
    }
  });
}

// Strings that meet are put one after the other.
void append_rows(Tensor& out, int64_t inner, const std::vector<int64_t>& rows,
                 const Tensor& updates) {
  std::string* to = out.mutable_data<std::string>();
  const std::string* from = updates.data<std::string>();
  for (size_t k = 0; k < rows.size(); ++k) {
    for (int64_t i = 0; i < inner; ++i) {
      to[rows[k] * inner + i] += from[static_cast<int64_t>(k) * inner + i];
    }
  }
}

void compute_scatter_nd(KernelContext& ctx) {
  const Tensor& indices = ctx.input(0);
  const Tensor& updates = ctx.input(1);
  const Shape shape = shape_from(ctx.input(2));
  const auto rows = flat_positions(indices, shape);
  const int lead = indices.rank() - 1;
  const int depth = static_cast<int>(indices.dim(lead));
  const Shape tail(shape.dims() + depth, shape.rank() - depth);
  check_updates(Shape(indices.shape().dims(), lead), tail, updates, false);
  Tensor& out = ctx.allocate_output(0, shape);
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  if (out.dtype() == DType::kString) return append_rows(out, tail.num_elements(), rows, updates);
  scatter_rows(ctx, Combine::kAdd, out, tail.num_elements(), rows, updates);
}

template <Combine combine>
void compute_tensor_scatter(KernelContext& ctx) {
  const Tensor indices = ctx.input(1), updates = ctx.input(2);
  const Shape shape = ctx.input(0).shape();
  const auto rows = flat_positions(indices, shape);
  const int lead = indices.rank() - 1;
  const int depth = static_cast<int>(indices.dim(lead));
  const Shape tail(shape.dims() + depth, shape.rank() - depth);
  check_updates(Shape(indices.shape().dims(), lead), tail, updates, false);
  scatter_rows(ctx, combine, copy_to_output(ctx, 0, 0), tail.num_elements(), rows, updates);
}

// Output rows are segments; a negative segment drops its data.
void sum_segments(KernelContext& ctx, std::vector<int64_t> rows, int64_t segments) {
  const Tensor& data = ctx.input(0);
  const int lead = ctx.input(1).rank();
  Shape shape{segments};
  for (int d = lead; d < data.rank(); ++d) shape.push_back(data.dim(d));
  shape = Shape::checked(shape.dims(), shape.rank());
  Tensor& out = ctx.allocate_output(0, shape);
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  scatter_rows(ctx, Combine::kAdd, out, shape.product(1, shape.rank()), rows, data);
}

void compute_unsorted_segment_sum(KernelContext& ctx) {
  const Tensor& data = ctx.input(0);
  const Tensor& ids = ctx.input(1);
  const int64_t segments = int_scalar(ctx.input(2), "num_segments");
  require(segments >= 0, "num_segments must not be negative, got ", segments);
  require(ids.rank() <= data.rank() && Shape(data.shape().dims(), ids.rank()) == ids.shape(),
          "the shape of segment_ids, ", ids.shape(), ", must be a prefix of that of data, ",
          data.shape());
  std::vector<int64_t> rows(static_cast<size_t>(ids.num_elements()));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = int_at(ids, static_cast<int64_t>(i));
    require(rows[i] < segments, "segment_ids[", i, "] = ", rows[i],
            " is not below num_segments = ", segments);
  }
  sum_segments(ctx, std::move(rows), segments);
}

void compute_segment_sum(KernelContext& ctx) {
  const Tensor& data = ctx.input(0);
  const Tensor& ids = ctx.input(1);
  require(ids.rank() == 1 && data.rank() >= 1 && ids.dim(0) == data.dim(0),
          "segment_ids must be a vector as long as the first dimension of data: shapes ",
          ids.shape(), " and ", data.shape());
  std::vector<int64_t> rows(static_cast<size_t>(ids.num_elements()));
  int64_t last = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = int_at(ids, static_cast<int64_t>(i));
    require(rows[i] >= last && rows[i] < INT64_MAX,
            "segment_ids must be sorted and not negative, got ", rows[i], " at position ", i,
            " after ", last);
    last = rows[i];
  }
  const int64_t segments = rows.empty() ? 0 : last + 1;
  sum_segments(ctx, std::move(rows), segments);
}

}  // namespace

void scatter_rows(const KernelContext& ctx, Combine combine, Tensor& target, int64_t inner,
                  const std::vector<int64_t>& rows, const Tensor& updates) {
  if (target.num_elements() == 0 || rows.empty()) return;
  const int64_t step = updates.is_scalar() && updates.num_elements() != inner ? 0 : 1;
  const bool all_same = updates.is_scalar();
  const int64_t target_rows = target.num_elements() / inner;
  const double row_cost = 0.5 * static_cast<double>(inner);
  if (combine == Combine::kUpdate) {
    visit_element(target.dtype(), [&](auto zero) {
      using E = decltype(zero);
      E* to = target.mutable_data<E>();
      const E* from = updates.data<E>();
      for_each_row(ctx, rows, target_rows, row_cost, [&](int64_t k, int64_t row) {
        if (all_same) {
          std::fill_n(to + row * inner, inner, *from);
        } else {
          std::copy_n(from + k * inner, inner, to + row * inner);
        }
      });
    });
    return;
  }
  visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, bool, float16, bfloat16, complex64, complex128>(
      target.dtype(), [&](auto zero) {
        using T = decltype(zero);
        T* to = target.mutable_data<T>();
        const T* from = updates.data<T>();
        for_each_row(ctx, rows, target_rows, row_cost, [&](int64_t k, int64_t row) {
          combine_slice(combine, to + row * inner, all_same ? from : from + k * inner, step, inner);
        });
      });
}

void check_updates(const Shape& lead, const Shape& tail, const Tensor& updates,
                   bool scalar_allowed) {
  if (scalar_allowed && updates.is_scalar()) return;
  Shape expected = lead;
  for (int64_t dim : tail) expected.push_back(dim);
  require(updates.shape() == expected, "updates must have shape ", expected,
          " (that of the indices, then that of a slice), got ", updates.shape());
}

void register_scatter(KernelRegistry& r) {
  r.add("ScatterNd", kCpu, {{"T", kPlain | DType::kString}}, function<compute_scatter_nd>);
  r.add("TensorScatterUpdate", kCpu, {}, function<compute_tensor_scatter<Combine::kUpdate>>);
  r.add("TensorScatterAdd", kCpu, {{"T", kScattered}},
        function<compute_tensor_scatter<Combine::kAdd>>);
  r.add("TensorScatterSub", kCpu, {{"T", kScattered}},
        function<compute_tensor_scatter<Combine::kSub>>);
  r.add("TensorScatterMin", kCpu, {{"T", kReal}}, function<compute_tensor_scatter<Combine::kMin>>);
  r.add("TensorScatterMax", kCpu, {{"T", kReal}}, function<compute_tensor_scatter<Combine::kMax>>);
  r.add("UnsortedSegmentSum", kCpu, {{"T", kScattered}}, function<compute_unsorted_segment_sum>);
  r.add("SegmentSum", kCpu, {{"T", kScattered}}, function<compute_segment_sum>);
}

}  // namespace penstock
