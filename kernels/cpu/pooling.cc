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

// The largest element for dtypes that have no vector loop.
template <class T>
void max_plainly(const PoolWindow& w, const void* x, void* y) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  for (int64_t c = 0; c < w.channels; ++c) {
    T best = from[c];
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t j = 0; j < w.columns; ++j) {
        best = std::max(best, from[i * w.row_stride + j * w.column_stride + c]);
      }
    }
    to[c] = best;
  }
}

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

template <class T>
std::unique_ptr<Kernel> max_pool(const NodeInfo& node) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::make_unique<Pool>(node, pool_functions<T>().max);
  } else {
    return std::make_unique<Pool>(node, max_plainly<T>);
  }
}
template <class T>
std::unique_ptr<Kernel> avg_pool(const NodeInfo& node) {
  return std::make_unique<Pool>(node, pool_functions<T>().mean);
}

// Inputs: the pooled image, the result, the result's gradient.
template <class T>
class MaxPoolGrad final : public Kernel {
 public:
  explicit MaxPoolGrad(const NodeInfo& node) : attrs_(node, 3) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const WindowedImage image = pooled_image(attrs_.read(ctx), x.shape());
    require_shape(ctx.input(1), image.output, "orig_output");
    require_shape(ctx.input(2), image.output, "grad");
    const T* dy = ctx.input(2).data<T>();
    T* dx = ctx.allocate_output(0, image.input).template mutable_data<T>();
    if (image.height.tiles() && image.width.tiles()) return route(ctx, image, x.data<T>(), dy, dx);
    clear_elements(ctx, dtype_of<T>, dx, image.input.num_elements());
    image.for_rows(ctx, true, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        pool_functions<T>().find_max(w, x.data<T>() + in, at.data());
        pool_functions<T>().add_at(w, at.data(), dy + out, dx + in);
      });
    });
  }

 private:
  static void route(const KernelContext& ctx, const WindowedImage& image, const T* x, const T* dy,
                    T* dx) {
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        pool_functions<T>().route_max(w, x + in, dy + out, dx + in);
      });
    });
  }

  const PoolAttrs attrs_;
};

// Inputs: the pooled image, the result, a tensor like the image. From each window the element
// of the third where the first is largest.
template <class T>
class MaxPoolGradGrad final : public Kernel {
 public:
  explicit MaxPoolGradGrad(const NodeInfo& node) : attrs_(node, 3) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const WindowedImage image = pooled_image(attrs_.read(ctx), x.shape());
    require_shape(ctx.input(1), image.output, "orig_output");
    require_shape(ctx.input(2), image.input, "grad");
    const T* g = ctx.input(2).data<T>();
    T* y = ctx.allocate_output(0, image.output).template mutable_data<T>();
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        pool_functions<T>().find_max(w, x.data<T>() + in, at.data());
        for (int64_t c = 0; c < w.channels; ++c) {
          const int64_t i = at[static_cast<size_t>(c)] / w.columns;
          const int64_t j = at[static_cast<size_t>(c)] % w.columns;
          y[out + c] = g[in + i * w.row_stride + j * w.column_stride + c];
        }
      });
    });
  }

 private:
  const PoolAttrs attrs_;
};

template <class T>
class AvgPoolGrad final : public Kernel {
 public:
  explicit AvgPoolGrad(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_, shape_from(ctx.input(0), "orig_input_shape"));
    require_shape(ctx.input(1), image.output, "grad");
    const T* dy = ctx.input(1).data<T>();
    T* dx = ctx.allocate_output(0, image.input).template mutable_data<T>();
    clear_elements(ctx, dtype_of<T>, dx, image.input.num_elements());
    image.for_rows(ctx, true, [&](int64_t begin, int64_t end) {
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        pool_functions<T>().add_mean(w, dy + out, dx + in);
      });
    });
  }

 private:
  const WindowAttrs attrs_;
};

constexpr ImageRoles kForward = {"iss", "i"};
constexpr ImageRoles kMaxGrad = {"iiiss", "i"};
constexpr ImageRoles kAvgGrad = {"si", "i"};

template <KernelFactory f32, KernelFactory f64, const ImageRoles& roles>
void add(KernelRegistry& r, const char* op) {
  r.add(op, kCpu, {{"T", DType::kFloat32}}, either_layout<f32, roles>);
  r.add(op, kCpu, {{"T", DType::kFloat64}}, either_layout<f64, roles>);
  r.add(op, kCpu, {{"T", kHalf2}}, either_layout<widened<f32>, roles>);
}

template <class... Ts>
void add_max_pool_for(KernelRegistry& r, const char* op) {
  (r.add(op, kCpu, {{"T", dtype_of<Ts>}}, either_layout<max_pool<Ts>, kForward>), ...);
}

}  // namespace

void register_pooling(KernelRegistry& r) {
  for (const char* op : {"MaxPool", "MaxPoolV2"}) {
    add<max_pool<float>, max_pool<double>, kForward>(r, op);
    add_max_pool_for<int32_t, int64_t, uint8_t, int8_t, int16_t, uint16_t>(r, op);
  }
  for (const char* op : {"MaxPoolGrad", "MaxPoolGradV2"}) {
    add<make<MaxPoolGrad<float>>, make<MaxPoolGrad<double>>, kMaxGrad>(r, op);
  }
  for (const char* op : {"MaxPoolGradGrad", "MaxPoolGradGradV2"}) {
    add<make<MaxPoolGradGrad<float>>, make<MaxPoolGradGrad<double>>, kMaxGrad>(r, op);
  }
  add<avg_pool<float>, avg_pool<double>, kForward>(r, "AvgPool");
  add<make<AvgPoolGrad<float>>, make<AvgPoolGrad<double>>, kAvgGrad>(r, "AvgPoolGrad");
}

}  // namespace penstock
