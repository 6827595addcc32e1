// What shape a tensor has, and the same elements in another shape. The outputs of Reshape,
// ExpandDims and Squeeze are views: they share the buffer of their input.
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

void write_int(Tensor& out, int64_t i, int64_t value) {
  if (out.dtype() == DType::kInt64) {
    out.mutable_data<int64_t>()[i] = value;
    return;
  }
  require(value <= INT32_MAX, "the size ", value, " does not fit in int32: use out_type=int64");
  out.mutable_data<int32_t>()[i] = static_cast<int32_t>(value);
}

void compute_shapes(KernelContext& ctx) {
  for (int k = 0; k < ctx.num_inputs(); ++k) {
    const Shape& shape = ctx.input(k).shape();
    Tensor& out = ctx.allocate_output(k, {shape.rank()});
    for (int d = 0; d < shape.rank(); ++d) write_int(out, d, shape[d]);
  }
}

void compute_size(KernelContext& ctx) {
  write_int(ctx.allocate_output(0, {}), 0, ctx.input(0).num_elements());
}

void compute_rank(KernelContext& ctx) {
  write_int(ctx.allocate_output(0, {}), 0, ctx.input(0).rank());
}

// The shape asked for, -1 replaced by what is left of `elements`.
Shape inferred_shape(const Tensor& wanted, const Tensor& x) {
  require(wanted.rank() == 1, "shape must be a vector, got shape ", wanted.shape());
  require(wanted.dim(0) <= kMaxRank, "shape has ", wanted.dim(0), " dimensions; at most ", kMaxRank,
          " are supported");
  const int rank = static_cast<int>(wanted.dim(0));
  int64_t dims[kMaxRank];
  int unknown = -1;
  for (int d = 0; d < rank; ++d) {
    dims[d] = int_at(wanted, d);
    if (dims[d] != -1) continue;
    require(unknown < 0, "only one dimension may be -1, got dimensions ", unknown, " and ", d);
    unknown = d;
    dims[d] = 1;
  }
  Shape shape = Shape::checked(dims, rank);
  const int64_t elements = x.num_elements(), known = shape.num_elements();
  if (unknown >= 0) {
    require(known > 0 || elements > 0,
            "cannot tell what -1 stands for: the input is empty, and so are the other dimensions");
    require(known > 0 && elements % known == 0, "cannot reshape ", elements, " elements, shape ",
            x.shape(), ": the sizes given multiply to ", known, ", which does not divide them");
    shape.set(unknown, elements / known);
  }
  require(shape.num_elements() == elements, "cannot reshape ", elements, " elements, shape ",
          x.shape(), ", into shape ", shape, ", which has ", shape.num_elements());
  return shape;
}

void compute_reshape(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  ctx.set_output(0, x.reshaped(inferred_shape(ctx.input(1), x)));
}

void compute_expand_dims(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = checked_axis(int_scalar(ctx.input(1), "axis"), x.rank() + 1);
  Shape shape(x.shape().dims(), axis);
  shape.push_back(1);
  for (int d = axis; d < x.rank(); ++d) shape.push_back(x.dim(d));
  ctx.set_output(0, x.reshaped(shape));
}

class Squeeze final : public Kernel {
 public:
  explicit Squeeze(const NodeInfo& node)
      : dims_(node.attrs.get_or<std::vector<int64_t>>("squeeze_dims", {})) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    uint32_t wanted = 0;
    for (int64_t d : dims_) {
      const int axis = checked_axis(d, x.rank());
      require(x.dim(axis) == 1, "cannot squeeze dimension ", axis, " of shape ", x.shape(),
              ": its size is ", x.dim(axis), ", not 1");
      wanted |= 1u << axis;
    }
    Shape shape;
    for (int d = 0; d < x.rank(); ++d) {
      const bool drop = dims_.empty() ? x.dim(d) == 1 : ((wanted >> d) & 1u) != 0;
      if (!drop) shape.push_back(x.dim(d));
    }
    ctx.set_output(0, x.reshaped(shape));
  }

 private:
  std::vector<int64_t> dims_;
};

void compute_broadcast_to(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Shape shape = shape_from(ctx.input(1));
  if (shape == x.shape()) return ctx.set_output(0, x);
  const int lead = shape.rank() - x.rank();
  require(lead >= 0, "cannot broadcast shape ", x.shape(), " to ", shape,
          ", which has fewer dimensions");
  int64_t from[kMaxRank], to[kMaxRank];
  dense_strides(x.shape(), from);
  dense_strides(shape, to);
  StridedCopy copy;
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t size = d < lead ? 1 : x.dim(d - lead);
    require(size == shape[d] || size == 1, "cannot broadcast shape ", x.shape(), " to ", shape,
            ": dimension ", d, " is ", size, ", not 1 or ", shape[d]);
    copy.add(shape[d], to[d], size == 1 ? 0 : from[d - lead]);
  }
  Tensor& out = ctx.allocate_output(0, shape);
  copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
}

// The shape that shapes s0 and s1, given as vectors, broadcast to.
void compute_broadcast_args(KernelContext& ctx) {
  const Shape shape =
      broadcast_shapes(shape_from(ctx.input(0), "s0"), shape_from(ctx.input(1), "s1"));
  Tensor& out = ctx.allocate_output(0, {shape.rank()});
  for (int d = 0; d < shape.rank(); ++d) write_int(out, d, shape[d]);
}

}  // namespace

void register_shape(KernelRegistry& r) {
  r.add("Shape", kCpu, {}, function<compute_shapes>, Cost::kTrivial);
  r.add("ShapeN", kCpu, {}, function<compute_shapes>, Cost::kTrivial);
  r.add("Size", kCpu, {}, function<compute_size>, Cost::kTrivial);
  r.add("Rank", kCpu, {}, function<compute_rank>, Cost::kTrivial);
  r.add("Reshape", kCpu, {}, function<compute_reshape>, Cost::kTrivial);
  r.add("ExpandDims", kCpu, {}, function<compute_expand_dims>, Cost::kTrivial);
  r.add("Squeeze", kCpu, {}, make<Squeeze>, Cost::kTrivial);
  r.add("BroadcastTo", kCpu, {}, function<compute_broadcast_to>);
  r.add("BroadcastArgs", kCpu, {}, function<compute_broadcast_args>, Cost::kTrivial);
}

}  // namespace penstock
