// Two-dimensional convolution and its gradients, by way of matrix products.
//
// The image is cut into chunks of output pixels; a chunk's patches are gathered into a matrix
// that fits the cache and multiplied with the filter (forward), or with the output's gradient
// (for the filter). The input's gradient goes the other way: product, then scattering. Who
// multiplies is a parameter: our own engine, or OpenBLAS where it is linked.
#include "cpu/conv.h"

#include <algorithm>

#include "cpu/axes.h"
#include "cpu/channels_first.h"
#include "cpu/gemm.h"
#ifdef PENSTOCK_OPENBLAS
#include "cpu/openblas.h"
#endif
#include "cpu/patches.h"
#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {

bool ConvSizes::is_pointwise() const {
  const auto trivial = [](const WindowDim& d) {
    return d.window == 1 && d.stride == 1 && d.before == 0 && d.after == 0;
  };
  return trivial(height) && trivial(width);
}

ConvSizes conv_sizes(const WindowAttrs& attrs, const Shape& input, const Shape& filter) {
  require(input.rank() == 4, "the input must have 4 dimensions, got shape ", input);
  require(filter.rank() == 4, "the filter must have 4 dimensions, got shape ", filter);
  require(input[3] == filter[2], "the input ", input, " has ", input[3],
          " channels, but the filter ", filter, " expects ", filter[2]);
  ConvSizes s;
  s.batch = input[0];
  s.in_channels = input[3];
  s.out_channels = filter[3];
  s.height = attrs.along(0, input[1], filter[0]);
  s.width = attrs.along(1, input[2], filter[1]);
  return s;
}

ConvSizes conv_sizes(const WindowAttrs& attrs, const Shape& input, const Shape& filter,
                     const Shape& out_backprop) {
  const ConvSizes s = conv_sizes(attrs, input, filter);
  require(out_backprop == s.output_shape(), "out_backprop must have the output's shape ",
          s.output_shape(), ", got ", out_backprop);
  return s;
}

Shape input_shape_from(const Tensor& sizes, const Tensor& filter, const Tensor& out_backprop) {
  const Shape shape = shape_from(sizes, "input_sizes");
  if (shape.rank() == 4) return shape;
  require(shape.rank() == 2, "input_sizes must have 4 elements or 2, got ", shape.rank());
  require(filter.rank() == 4 && out_backprop.rank() == 4,
          "the filter and out_backprop must have 4 dimensions, got shapes ", filter.shape(),
          " and ", out_backprop.shape());
  return {out_backprop.dim(0), shape[0], shape[1], filter.dim(2)};
}

int64_t num_partial_sums(const KernelContext& ctx, int64_t batch) {
  return std::max<int64_t>(1, std::min(batch, num_parts(ctx)));
}

namespace {

// Pixels of an image that are handled at once: their patches fill about a megabyte.
template <class T>
int64_t chunk_pixels(const ConvSizes& s) {
  const int64_t row = s.patch() * static_cast<int64_t>(sizeof(T));
  const int64_t wanted = std::max<int64_t>(64, (int64_t{1} << 20) / std::max<int64_t>(1, row));
  return std::max<int64_t>(1, std::min(s.pixels(), wanted));
}

double image_cost(const ConvSizes& s) {
  return product_cost(s.pixels(), s.patch(), s.out_channels) +
         0.5 * static_cast<double>(s.pixels() * s.patch());
}

template <class T, class Multiply>
class Conv2D final : public Kernel {
 public:
  explicit Conv2D(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& input = ctx.input(0);
    const Tensor& filter = ctx.input(1);
    const ConvSizes s = conv_sizes(attrs_, input.shape(), filter.shape());
    Tensor& output = ctx.allocate_output(0, s.output_shape());
    const T* x = input.data<T>();
    const T* f = filter.data<T>();
    T* y = output.mutable_data<T>();
    if (s.is_pointwise() || s.in_channels == 0) {
      return parallel_multiply<Multiply>(ctx, dense_product(s.batch * s.pixels(), s.out_channels,
                                                            s.patch(), x, false, f, false, y));
    }
    if (s.is_empty()) return;
    const int64_t chunk = chunk_pixels<T>(s), chunks = (s.pixels() + chunk - 1) / chunk;
    const double cost = image_cost(s) / static_cast<double>(chunks);
    ctx.parallel_for(s.batch * chunks, cost, [&](int64_t first, int64_t last) {
      Tensor patches = ctx.allocate_temp(dtype_of<T>, Shape{chunk * s.patch()});
      T* rows = patches.mutable_data<T>();
      for (int64_t i = first; i < last; ++i) {
        const int64_t image = i / chunks, begin = i % chunks * chunk;
        const int64_t end = std::min(s.pixels(), begin + chunk);
        gather_patches(s, x + image * input.shape().product(1, 4), begin, end, rows);
        T* out = y + (image * s.pixels() + begin) * s.out_channels;
        Multiply::run(
            *ctx.session().allocator,
            dense_product(end - begin, s.out_channels, s.patch(), rows, false, f, false, out));
      }
    });
  }

 private:
  const WindowAttrs attrs_;
};

template <class T, class Multiply>
class Conv2DBackpropInput final : public Kernel {
 public:
  explicit Conv2DBackpropInput(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& filter = ctx.input(1);
    const Tensor& dy = ctx.input(2);
    const Shape shape = input_shape_from(ctx.input(0), filter, dy);
    const ConvSizes s = conv_sizes(attrs_, shape, filter.shape(), dy.shape());
    T* dx = ctx.allocate_output(0, shape).template mutable_data<T>();
    if (s.is_pointwise()) {
      return parallel_multiply<Multiply>(
          ctx, dense_product(s.batch * s.pixels(), s.in_channels, s.out_channels, dy.data<T>(),
                             false, filter.data<T>(), true, dx));
    }
    ctx.parallel_for(s.batch, image_cost(s), [&](int64_t first, int64_t last) {
      const int64_t chunk = chunk_pixels<T>(s), size = shape.product(1, 4);
      Tensor patches = ctx.allocate_temp(dtype_of<T>, Shape{chunk * s.patch()});
      T* rows = patches.mutable_data<T>();
      for (int64_t i = first; i < last; ++i) {
        std::fill(dx + i * size, dx + (i + 1) * size, T(0));
        for (int64_t begin = 0; begin < s.pixels(); begin += chunk) {
          const int64_t end = std::min(s.pixels(), begin + chunk);
          const T* from = dy.data<T>() + (i * s.pixels() + begin) * s.out_channels;
          Multiply::run(*ctx.session().allocator,
                        dense_product(end - begin, s.patch(), s.out_channels, from, false,
                                      filter.data<T>(), true, rows));
          scatter_patches(s, rows, begin, end, dx + i * size);
        }
      }
    });
  }

 private:
  const WindowAttrs attrs_;
};

template <class T, class Multiply>
class Conv2DBackpropFilter final : public Kernel {
 public:
  explicit Conv2DBackpropFilter(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& input = ctx.input(0);
    const Tensor& dy = ctx.input(2);
    const Shape shape = shape_from(ctx.input(1), "filter_sizes");
    const ConvSizes s = conv_sizes(attrs_, input.shape(), shape, dy.shape());
    const int64_t size = shape.num_elements();
    Tensor& output = ctx.allocate_output(0, shape);
    const int64_t sums = num_partial_sums(ctx, s.batch);
    Tensor partial = ctx.allocate_temp(dtype_of<T>, Shape{sums, size});
    ctx.parallel_for(sums, image_cost(s) * static_cast<double>(s.batch / sums + 1),
                     [&](int64_t first, int64_t last) {
                       for (int64_t i = first; i < last; ++i) {
                         T* sum = partial.mutable_data<T>() + i * size;
                         add_images(ctx, s, i * s.batch / sums, (i + 1) * s.batch / sums,
                                    input.data<T>(), dy.data<T>(), sum);
                       }
                     });
    T* out = output.mutable_data<T>();
    std::copy(partial.data<T>(), partial.data<T>() + size, out);
    for (int64_t i = 1; i < sums; ++i) {
      const T* more = partial.data<T>() + i * size;
      for (int64_t j = 0; j < size; ++j) out[j] += more[j];
    }
  }

 private:
  // sum = the gradient's part that images [first, last) make.
  static void add_images(const KernelContext& ctx, const ConvSizes& s, int64_t first, int64_t last,
                         const T* x, const T* dy, T* sum) {
    const int64_t chunk = chunk_pixels<T>(s), patch = s.patch();
    std::fill(sum, sum + patch * s.out_channels, T(0));
    Tensor patches = ctx.allocate_temp(dtype_of<T>, Shape{chunk * patch});
    T* rows = patches.mutable_data<T>();
    for (int64_t i = first; i < last; ++i) {
      const T* image = x + i * s.height.input * s.width.input * s.in_channels;
      for (int64_t begin = 0; begin < s.pixels(); begin += chunk) {
        const int64_t end = std::min(s.pixels(), begin + chunk);
        gather_patches(s, image, begin, end, rows);
        const T* to = dy + (i * s.pixels() + begin) * s.out_channels;
        auto product =
            dense_product(patch, s.out_channels, end - begin, rows, true, to, false, sum);
        product.accumulate = true;
        Multiply::run(*ctx.session().allocator, product);
      }
    }
  }

  const WindowAttrs attrs_;
};

template <class T, class Multiply, template <KernelFactory> class Wrap>
void add_for(KernelRegistry& r, const DTypeSet& dtypes, int priority, const char* label) {
  const auto add = [&](const char* op, KernelFactory factory) {
    r.add(op, kCpu, {{"T", dtypes}}, factory, Cost::kHeavy, priority, label);
  };
  add("Conv2D", either_layout<Wrap<make<Conv2D<T, Multiply>>>::factory, kConvRoles>);
  add("Conv2DBackpropInput",
      either_layout<Wrap<make<Conv2DBackpropInput<T, Multiply>>>::factory, kConvInputRoles>);
  add("Conv2DBackpropFilter",
      either_layout<Wrap<make<Conv2DBackpropFilter<T, Multiply>>>::factory, kConvFilterRoles>);
}

template <class T, template <KernelFactory> class Wrap = AsItIs>
void add_portable(KernelRegistry& r, const DTypeSet& dtypes) {
  add_for<T, PortableProduct<T>, Wrap>(r, dtypes, 0, "portable");
}

}  // namespace

std::unique_ptr<Kernel> make_portable_conv(const NodeInfo& node) {
  using Multiply = PortableProduct<float>;
  if (node.op == "Conv2D") return make<Conv2D<float, Multiply>>(node);
  if (node.op == "Conv2DBackpropInput") return make<Conv2DBackpropInput<float, Multiply>>(node);
  return make<Conv2DBackpropFilter<float, Multiply>>(node);
}

void register_conv(KernelRegistry& r) {
  add_portable<float>(r, DType::kFloat32);
  add_portable<double>(r, DType::kFloat64);
  add_portable<int32_t>(r, DType::kInt32);
  add_portable<float, ByWidening>(r, kHalf2);
#ifdef PENSTOCK_OPENBLAS
  add_for<float, BlasProduct<float>, AsItIs>(r, DType::kFloat32, 5, "openblas");
  add_for<double, BlasProduct<double>, AsItIs>(r, DType::kFloat64, 5, "openblas");
  add_for<float, BlasProduct<float>, ByWidening>(r, kHalf2, 5, "openblas");
#endif
}

}  // namespace penstock
