// Elements picked by number, and placed by number: gathers, one-hot rows, reversal.
#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/gather.h"
#include "cpu/register.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

void compute_gather(KernelContext& ctx) {
  require(ctx.input(0).rank() > 0, "params is a scalar: there is nothing to gather from");
  ctx.set_output(0, gather(ctx, ctx.input(0), ctx.input(1), 0, 0));
}

class GatherV2 final : public Kernel {
 public:
  explicit GatherV2(const NodeInfo& node)
      : batch_dims_(node.attrs.get_or<int64_t>("batch_dims", 0)) {}

  void compute(KernelContext& ctx) override {
    const Tensor &params = ctx.input(0), &indices = ctx.input(1);
    const int axis = checked_axis(int_scalar(ctx.input(2), "axis"), params.rank());
    int64_t batch = batch_dims_;
    if (batch < 0) batch += indices.rank();
    require(batch >= 0 && batch <= indices.rank() && batch <= axis, "batch_dims ", batch_dims_,
            " must be in [0, ", indices.rank(),
            "], the rank of indices, and at most axis = ", axis);
    ctx.set_output(0, gather(ctx, params, indices, axis, static_cast<int>(batch)));
  }

 private:
  int64_t batch_dims_;
};

void compute_gather_nd(KernelContext& ctx) {
  ctx.set_output(0, gather_nd(ctx, ctx.input(0), ctx.input(1)));
}

// An index outside of [0, depth) gives a row of off values, as in TensorFlow.
class OneHot final : public Kernel {
 public:
  explicit OneHot(const NodeInfo& node) : axis_(node.attrs.get_or<int64_t>("axis", -1)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& indices = ctx.input(0);
    const int64_t depth = int_scalar(ctx.input(1), "depth");
    require(depth >= 0, "depth must not be negative, got ", depth);
    require(ctx.input(2).is_scalar() && ctx.input(3).is_scalar(),
            "on_value and off_value must be scalars, got shapes ", ctx.input(2).shape(), " and ",
            ctx.input(3).shape());
    const int axis = checked_axis(axis_, indices.rank() + 1);
    Shape shape(indices.shape().dims(), axis);
    shape.push_back(depth);
    for (int d = axis; d < indices.rank(); ++d) shape.push_back(indices.dim(d));
    Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
    fill_elements(ctx, out.dtype(), out.raw(), ctx.input(3).raw(), out.num_elements());
    const int64_t inner = shape.product(axis + 1, shape.rank());
    const void* on = ctx.input(2).raw();
    visit_element(out.dtype(), [&](auto zero) {
      using E = decltype(zero);
      E* to = out.mutable_data<E>();
      for (int64_t i = 0, n = indices.num_elements(); i < n; ++i) {
        const int64_t k = int_at(indices, i);
        if (k < 0 || k >= depth) continue;
        to[(i / inner * depth + k) * inner + i % inner] = *static_cast<const E*>(on);
      }
    });
  }

 private:
  int64_t axis_;
};

// x with the axes of `mask` (a bit each) running backwards.
void reverse(KernelContext& ctx, uint32_t mask) {
  const Tensor x = ctx.input(0);
  if (mask == 0 || x.num_elements() == 0) return ctx.set_output(0, x);
  int64_t strides[kMaxRank], start = 0;
  dense_strides(x.shape(), strides);
  StridedCopy copy;
  for (int d = 0; d < x.rank(); ++d) {
    const bool backwards = ((mask >> d) & 1u) != 0;
    if (backwards) start += (x.dim(d) - 1) * strides[d];
    copy.add(x.dim(d), strides[d], backwards ? -strides[d] : strides[d]);
  }
  Tensor& out = ctx.allocate_output(0, x.shape());
  copy_strided(ctx, x.dtype(), out.raw(), element_at(x.raw(), x.dtype(), start), copy);
}

void compute_reverse_v2(KernelContext& ctx) {
  const Tensor& axes = ctx.input(1);
  require(axes.rank() <= 1, "axis must be a vector, got shape ", axes.shape());
  uint32_t mask = 0;
  for (int64_t i = 0; i < axes.num_elements(); ++i) {
    const int axis = checked_axis(int_at(axes, i), ctx.input(0).rank());
    require(((mask >> axis) & 1u) == 0, "axis ", axis, " is named twice");
    mask |= 1u << axis;
  }
  reverse(ctx, mask);
}

void compute_reverse(KernelContext& ctx) {
  const Tensor& dims = ctx.input(1);
  require(dims.rank() == 1 && dims.dim(0) == ctx.input(0).rank(),
          "dims must be a vector with one bool for each dimension, got shape ", dims.shape());
  uint32_t mask = 0;
  for (int64_t d = 0; d < dims.dim(0); ++d) mask |= dims.data<bool>()[d] ? 1u << d : 0u;
  reverse(ctx, mask);
}

template <class T>
void compute_invert_permutation(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  require(x.rank() == 1, "a permutation must be a vector, got shape ", x.shape());
  const int64_t n = x.dim(0);
  Tensor& out = ctx.allocate_output(0, x.shape());
  T* y = out.mutable_data<T>();
  std::fill_n(y, n, T(-1));
  for (int64_t i = 0; i < n; ++i) {
    const T k = x.data<T>()[i];
    require(k >= 0 && k < n, "x[", i, "] = ", k, " is not in [0, ", n, ")");
    require(y[k] == -1, k, " occurs twice: this is no permutation");
    y[k] = static_cast<T>(i);
  }
}

}  // namespace

void register_indexing(KernelRegistry& r) {
  r.add("Gather", kCpu, {}, function<compute_gather>);
  r.add("GatherV2", kCpu, {}, make<GatherV2>);
  r.add("GatherNd", kCpu, {}, function<compute_gather_nd>);
  r.add("OneHot", kCpu, {}, make<OneHot>);
  r.add("ReverseV2", kCpu, {}, function<compute_reverse_v2>);
  r.add("Reverse", kCpu, {}, function<compute_reverse>);
  r.add("InvertPermutation", kCpu, {{"T", DType::kInt32}},
        function<compute_invert_permutation<int32_t>>);
  r.add("InvertPermutation", kCpu, {{"T", DType::kInt64}},
        function<compute_invert_permutation<int64_t>>);
}

}  // namespace penstock
