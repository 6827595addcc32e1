// Maximum and mean over sliding windows, and their gradients.
//
// A gradient finds the largest element of each window again, from the input: what the op is
// given as the forward result is only looked at for its shape.
#include <algorithm>
#include <vector>

#include "cpu/axes.h"
#include "cpu/channels_first.h"
#include "cpu/elements.h"
#include "cpu/pooling.h"
#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {

WindowedImage pooled_image(const WindowAttrs& attrs, const Shape& input) {
  require(input.rank() == 4, "the input must have 4 dimensions, got shape ", input);
  const WindowDim height = attrs.along(0, input[1], attrs.ksize[0]);
  const WindowDim width = attrs.along(1, input[2], attrs.ksize[1]);
  for (const WindowDim* d : {&height, &width}) {
    require(d->before < d->window && d->after < d->window, "padding of ", d->before, " and ",
            d->after, " must be smaller than the window, ", d->window);
    require(d->input > 0 || d->output == 0, "cannot pool an image without pixels, got shape ",
            input);
  }
  return {input, Shape{input[0], height.output, width.output, input[3]}, height, width};
}

void require_shape(const Tensor& t, const Shape& expected, const char* what) {
  require(t.shape() == expected, what, " must have shape ", expected, ", got ", t.shape());
}

namespace {

// Where `ksize` and `strides` come from: attributes, or from `first_size` on two inputs (V2).
class PoolAttrs {
 public:
  PoolAttrs(const NodeInfo& node, int first_size)
      : from_inputs_(!node.attrs.has("ksize")), first_size_(first_size), node_(node) {
    if (!from_inputs_) fixed_.emplace_back(node);
  }

  WindowAttrs read(const KernelContext& ctx) const {
    if (!from_inputs_) return fixed_[0];
    NodeInfo filled = node_;
    filled.attrs.set("ksize", as_int64s(ctx.input(first_size_)));
    filled.attrs.set("strides", as_int64s(ctx.input(first_size_ + 1)));
    return WindowAttrs(filled);
  }

 private:
  bool from_inputs_;
  int first_size_;
  NodeInfo node_;
  std::vector<WindowAttrs> fixed_;
};

using PoolFn = void (*)(const PoolWindow&, const void*, void*);

// MaxPool and AvgPool: one number from each window.
class Pool final : public Kernel {
 public:
  Pool(const NodeInfo& node, PoolFn fn) : attrs_(node, 1), fn_(fn) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const WindowedImage image = pooled_image(attrs_.read(ctx), x.shape());
    Tensor& y = ctx.allocate_output(0, image.output);
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fn_(w, element_at(x.raw(), x.dtype(), in), element_at(y.raw(), x.dtype(), out));
      });
    });
  }

 private:
  const PoolAttrs attrs_;
  const PoolFn fn_;
};

std::unique_ptr<Kernel> max_pool(const NodeInfo& node) {
  return std::make_unique<Pool>(node, pool_functions(node.output_dtypes[0]).max);
}
std::unique_ptr<Kernel> avg_pool(const NodeInfo& node) {
  return std::make_unique<Pool>(node, pool_functions(node.output_dtypes[0]).mean);
}

// Inputs: the pooled image, the result, the result's gradient.
class MaxPoolGrad final : public Kernel {
 public:
  explicit MaxPoolGrad(const NodeInfo& node)
      : attrs_(node, 3), fns_(pool_functions(node.output_dtypes[0])) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const Tensor& dy = ctx.input(2);
    const WindowedImage image = pooled_image(attrs_.read(ctx), x.shape());
    require_shape(ctx.input(1), image.output, "orig_output");
    require_shape(dy, image.output, "grad");
    const DType dtype = x.dtype();
    void* dx = ctx.allocate_output(0, image.input).raw();
    if (fns_.route_max != nullptr && image.height.tiles() && image.width.tiles()) {
      return route(ctx, image, dx);
    }
    clear_elements(ctx, dtype, dx, image.input.num_elements());
    image.for_rows(ctx, true, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fns_.find_max(w, element_at(x.raw(), dtype, in), at.data());
        fns_.add_at(w, at.data(), element_at(dy.raw(), dtype, out), element_at(dx, dtype, in));
      });
    });
  }

 private:
  void route(const KernelContext& ctx, const WindowedImage& image, void* dx) const {
    const Tensor& x = ctx.input(0);
    const Tensor& dy = ctx.input(2);
    const DType dtype = x.dtype();
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fns_.route_max(w, element_at(x.raw(), dtype, in), element_at(dy.raw(), dtype, out),
                       element_at(dx, dtype, in));
      });
    });
  }

  const PoolAttrs attrs_;
  const PoolFns& fns_;
};

// Inputs: the pooled image, the result, a tensor like the image. From each window the element
// of the third where the first is largest.
class MaxPoolGradGrad final : public Kernel {
 public:
  explicit MaxPoolGradGrad(const NodeInfo& node)
      : attrs_(node, 3), fns_(pool_functions(node.output_dtypes[0])) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_.read(ctx), ctx.input(0).shape());
    require_shape(ctx.input(1), image.output, "orig_output");
    require_shape(ctx.input(2), image.input, "grad");
    Tensor& y = ctx.allocate_output(0, image.output);
    visit_element(y.dtype(), [&](auto zero) { pick<decltype(zero)>(ctx, image, y); });
  }

 private:
  template <class E>
  void pick(const KernelContext& ctx, const WindowedImage& image, Tensor& y) const {
    const Tensor& x = ctx.input(0);
    const E* g = ctx.input(2).data<E>();
    E* to = y.mutable_data<E>();
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fns_.find_max(w, element_at(x.raw(), x.dtype(), in), at.data());
        for (int64_t c = 0; c < w.channels; ++c) {
          const int64_t i = at[static_cast<size_t>(c)] / w.columns;
          const int64_t j = at[static_cast<size_t>(c)] % w.columns;
          to[out + c] = g[in + i * w.row_stride + j * w.column_stride + c];
        }
      });
    });
  }

  const PoolAttrs attrs_;
  const PoolFns& fns_;
};

class AvgPoolGrad final : public Kernel {
 public:
  explicit AvgPoolGrad(const NodeInfo& node)
      : attrs_(node), fns_(pool_functions(node.output_dtypes[0])) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_, shape_from(ctx.input(0), "orig_input_shape"));
    require_shape(ctx.input(1), image.output, "grad");
    const Tensor& dy = ctx.input(1);
    void* dx = ctx.allocate_output(0, image.input).raw();
    clear_elements(ctx, dy.dtype(), dx, image.input.num_elements());
    image.for_rows(ctx, true, [&](int64_t begin, int64_t end) {
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fns_.add_mean(w, element_at(dy.raw(), dy.dtype(), out), element_at(dx, dy.dtype(), in));
      });
    });
  }

 private:
  const WindowAttrs attrs_;
  const PoolFns& fns_;
};

constexpr ImageRoles kForward = {"iss", "i"};
constexpr ImageRoles kMaxGrad = {"iiiss", "i"};
constexpr ImageRoles kAvgGrad = {"si", "i"};

template <KernelFactory factory, const ImageRoles& roles>
void add(KernelRegistry& r, const char* op, DTypeSet types) {
  r.add(op, kCpu, {{"T", types}}, either_layout<factory, roles>);
  r.add(op, kCpu, {{"T", kHalf2}}, either_layout<widened<factory>, roles>);
}

}  // namespace

void register_pooling(KernelRegistry& r) {
  const DTypeSet ordered = kFloat2 | kInteger;
  for (const char* op : {"MaxPool", "MaxPoolV2"}) {
    add<max_pool, kForward>(r, op, ordered);
  }
  for (const char* op : {"MaxPoolGrad", "MaxPoolGradV2"}) {
    add<make<MaxPoolGrad>, kMaxGrad>(r, op, ordered);
  }
  for (const char* op : {"MaxPoolGradGrad", "MaxPoolGradGradV2"}) {
    add<make<MaxPoolGradGrad>, kMaxGrad>(r, op, ordered);
  }
  add<avg_pool, kForward>(r, "AvgPool", kFloat2);
  add<make<AvgPoolGrad>, kAvgGrad>(r, "AvgPoolGrad", kFloat2);
}

}  // namespace penstock
