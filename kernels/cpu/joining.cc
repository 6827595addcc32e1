// Tensors joined along an axis, and cut along one. Pieces along the first dimension are
// contiguous, so cutting there gives views of the input and copies nothing.
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

// Copies the `count` inputs from `first` on side by side: input k becomes the columns
// [sum of the widths before it, +width) of an output of `outer` rows.
void join(KernelContext& ctx, int first, int count, Tensor& out, int64_t outer) {
  if (out.num_elements() == 0) return;
  const int64_t row = out.num_elements() / outer;
  int64_t column = 0;
  for (int k = first; k < first + count; ++k) {
    const Tensor& x = ctx.input(k);
    const int64_t width = x.num_elements() / outer;
    StridedCopy copy;
    copy.add(outer, row, width);
    copy.add(width, 1, 1);
    copy_strided(ctx, x.dtype(), element_at(out.raw(), x.dtype(), column), x.raw(), copy);
    column += width;
  }
}

void concat_inputs(KernelContext& ctx, int first, int count, const Tensor& axis_tensor) {
  const Tensor& x0 = ctx.input(first);
  require(x0.rank() > 0, "scalars cannot be concatenated: use stack");
  const int axis = checked_axis(int_scalar(axis_tensor, "axis"), x0.rank());
  Shape shape = x0.shape();
  int64_t size = 0;
  for (int k = first; k < first + count; ++k) {
    Shape other = ctx.input(k).shape();
    require(other.rank() == shape.rank(), "inputs must have the same rank: input ", k - first,
            " has shape ", other, ", input 0 has shape ", x0.shape());
    size += other[axis];
    other.set(axis, shape[axis]);
    require(other == shape, "inputs must agree in every dimension but ", axis, ": input ",
            k - first, " has shape ", ctx.input(k).shape(), ", input 0 has shape ", x0.shape());
  }
  shape.set(axis, size);
  const int64_t outer = shape.product(0, axis);
  join(ctx, first, count, ctx.allocate_output(0, shape), outer);
}

void compute_concat(KernelContext& ctx) {
  concat_inputs(ctx, 1, ctx.num_inputs() - 1, ctx.input(0));
}

void compute_concat_v2(KernelContext& ctx) {
  const int count = ctx.num_inputs() - 1;
  concat_inputs(ctx, 0, count, ctx.input(count));
}

// Where each input of a concat starts in its output, given the inputs' shapes.
void compute_concat_offset(KernelContext& ctx) {
  const int count = ctx.num_inputs() - 1;
  const Shape first = shape_from(ctx.input(1), "shape");
  const int axis = checked_axis(int_scalar(ctx.input(0), "concat_dim"), first.rank(), "concat_dim");
  int64_t offset = 0;
  for (int k = 0; k < count; ++k) {
    const Shape shape = shape_from(ctx.input(k + 1), "shape");
    Shape same = shape;
    require(shape.rank() == first.rank(), "shape ", k, " is ", shape, ", shape 0 is ", first,
            ": the ranks differ");
    same.set(axis, first[axis]);
    require(same == first, "shapes must agree in every dimension but ", axis, ": shape ", k, " is ",
            shape, ", shape 0 is ", first);
    Tensor& out = ctx.allocate_output(k, {first.rank()});
    clear_elements(ctx, out.dtype(), out.raw(), first.rank());
    if (out.dtype() == DType::kInt64) {
      out.mutable_data<int64_t>()[axis] = offset;
    } else {
      require(offset <= INT32_MAX, "offset ", offset, " does not fit in int32");
      out.mutable_data<int32_t>()[axis] = static_cast<int32_t>(offset);
    }
    offset += shape[axis];
  }
}

class Pack final : public Kernel {
 public:
  explicit Pack(const NodeInfo& node) : axis_(node.attrs.get_or<int64_t>("axis", 0)) {}

  void compute(KernelContext& ctx) override {
    const Shape& part = ctx.input(0).shape();
    const int axis = checked_axis(axis_, part.rank() + 1);
    for (int k = 1; k < ctx.num_inputs(); ++k) {
      require(ctx.input(k).shape() == part, "inputs must have the same shape: input ", k, " has ",
              ctx.input(k).shape(), ", input 0 has ", part);
    }
    Shape shape(part.dims(), axis);
    shape.push_back(ctx.num_inputs());
    for (int d = axis; d < part.rank(); ++d) shape.push_back(part[d]);
    const int64_t outer = part.product(0, axis);
    join(ctx, 0, ctx.num_inputs(), ctx.allocate_output(0, shape), outer);
  }

 private:
  int64_t axis_;
};

// Output k as the elements [start, start + size) along `axis` of x, in `shape`.
void cut(KernelContext& ctx, int k, const Tensor& x, const AxisSplit& split, int64_t start,
         int64_t size, const Shape& shape) {
  const void* from = element_at(x.raw(), x.dtype(), start * split.inner);
  if (split.outer == 1) {
    ctx.set_output(k, Tensor(x.dtype(), shape, x.buffer(), const_cast<void*>(from)));
    return;
  }
  Tensor& out = ctx.allocate_output(k, shape);
  StridedCopy copy;
  copy.add(split.outer, size * split.inner, split.size * split.inner);
  copy.add(size * split.inner, 1, 1);
  copy_strided(ctx, x.dtype(), out.raw(), from, copy);
}

class Unpack final : public Kernel {
 public:
  explicit Unpack(const NodeInfo& node) : axis_(node.attrs.get_or<int64_t>("axis", 0)) {}

  void compute(KernelContext& ctx) override {
    const Tensor x = ctx.input(0);
    require(x.rank() > 0, "a scalar cannot be unstacked");
    const int axis = checked_axis(axis_, x.rank());
    require(x.dim(axis) == ctx.num_outputs(), "dimension ", axis, " of shape ", x.shape(),
            " must equal num = ", ctx.num_outputs());
    Shape shape(x.shape().dims(), axis);
    for (int d = axis + 1; d < x.rank(); ++d) shape.push_back(x.dim(d));
    const AxisSplit split(x.shape(), axis);
    for (int k = 0; k < ctx.num_outputs(); ++k) cut(ctx, k, x, split, k, 1, shape);
  }

 private:
  int64_t axis_;
};

void compute_split(KernelContext& ctx) {
  const Tensor x = ctx.input(1);
  const int axis = checked_axis(int_scalar(ctx.input(0), "axis"), x.rank());
  const int64_t parts = ctx.num_outputs();
  require(x.dim(axis) % parts == 0, "cannot split dimension ", axis, " of shape ", x.shape(),
          " into ", parts, " equal parts");
  const AxisSplit split(x.shape(), axis);
  Shape shape = x.shape();
  shape.set(axis, split.size / parts);
  for (int k = 0; k < parts; ++k) cut(ctx, k, x, split, k * shape[axis], shape[axis], shape);
}

// The sizes of a SplitV, a single -1 replaced by what the others leave of `total`.
std::vector<int64_t> split_sizes(const Tensor& sizes, int64_t parts, int64_t total) {
  require(sizes.rank() == 1 && sizes.dim(0) == parts, "size_splits must be a vector of length ",
          parts, " (num_split), got shape ", sizes.shape());
  std::vector<int64_t> result(static_cast<size_t>(parts));
  int64_t sum = 0;
  int64_t* unknown = nullptr;
  for (int64_t k = 0; k < parts; ++k) {
    int64_t& size = result[static_cast<size_t>(k)] = int_at(sizes, k);
    if (size == -1) {
      require(unknown == nullptr, "size_splits may hold only one -1");
      unknown = &size;
      continue;
    }
    require(size >= 0 && size <= total, "size_splits[", k, "] is ", size, ", which is not in [0, ",
            total, "]");
    sum += size;
  }
  if (unknown) *unknown = total - sum;
  require(unknown ? sum <= total : sum == total, "the sizes in size_splits sum to ", sum,
          ", the dimension to split has size ", total);
  return result;
}

void compute_split_v(KernelContext& ctx) {
  const Tensor x = ctx.input(0);
  const int axis = checked_axis(int_scalar(ctx.input(2), "axis"), x.rank());
  const AxisSplit split(x.shape(), axis);
  const auto sizes = split_sizes(ctx.input(1), ctx.num_outputs(), split.size);
  Shape shape = x.shape();
  int64_t start = 0;
  for (int k = 0; k < ctx.num_outputs(); ++k) {
    shape.set(axis, sizes[static_cast<size_t>(k)]);
    cut(ctx, k, x, split, start, shape[axis], shape);
    start += shape[axis];
  }
}

}  // namespace

void register_joining(KernelRegistry& r) {
  r.add("Concat", kCpu, {}, function<compute_concat>);
  r.add("ConcatV2", kCpu, {}, function<compute_concat_v2>);
  r.add("ConcatOffset", kCpu, {}, function<compute_concat_offset>, Cost::kTrivial);
  r.add("Pack", kCpu, {}, make<Pack>);
  r.add("Unpack", kCpu, {}, make<Unpack>);
  r.add("Split", kCpu, {}, function<compute_split>);
  r.add("SplitV", kCpu, {}, function<compute_split_v>);
}

}  // namespace penstock
