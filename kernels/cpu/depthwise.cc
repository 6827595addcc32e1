// Depthwise convolution, one filter for each channel, and its gradients.
//
// A filter [height, width, channels, multiplier] makes `multiplier` outputs of each channel.
// With more than one, each channel of the input is repeated first: then input, filter and
// output all have the same channels and one loop over them does it.
#include <algorithm>

#include "cpu/axes.h"
#include "cpu/channels_first.h"
#include "cpu/conv.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"
#include "cpu/windowed_image.h"

namespace penstock {
namespace {

template <class T>
const DepthwiseFns& functions() {
  if constexpr (std::is_same_v<T, float>) return vector_table().depthwise.f32;
  return vector_table().depthwise.f64;
}

struct DepthwiseSizes {
  WindowedImage image;  // with the channels of the output
  Shape input;          // as given
  int64_t multiplier;
  int64_t filter_size() const { return image.window_elements() * image.channels(); }
};

DepthwiseSizes sizes_of(const WindowAttrs& attrs, const Shape& input, const Shape& filter) {
  // The checks of a convolution whose filter reads all channels, the output aside.
  const ConvSizes s = conv_sizes(attrs, input, filter);
  const Shape wide{s.batch, input[1], input[2], s.in_channels * s.out_channels};
  const Shape output{s.batch, s.height.output, s.width.output, wide[3]};
  return {{wide, output, s.height, s.width}, input, s.out_channels};
}

void check_backprop(const DepthwiseSizes& s, const Tensor& dy) {
  require(dy.shape() == s.image.output, "out_backprop must have the output's shape ",
          s.image.output, ", got ", dy.shape());
}

// The image with each channel `multiplier` times.
template <class T>
Tensor repeated(const KernelContext& ctx, const DepthwiseSizes& s, const Tensor& x) {
  if (s.multiplier == 1) return x;
  Tensor out = ctx.allocate_temp(x.dtype(), s.image.input);
  const T* from = x.data<T>();
  T* to = out.mutable_data<T>();
  for (int64_t i = 0, n = x.num_elements(); i < n; ++i, to += s.multiplier) {
    std::fill(to, to + s.multiplier, from[i]);
  }
  return out;
}

template <class T>
class Depthwise final : public Kernel {
 public:
  explicit Depthwise(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const DepthwiseSizes s = sizes_of(attrs_, ctx.input(0).shape(), ctx.input(1).shape());
    const Tensor x = repeated<T>(ctx, s, ctx.input(0));
    const T* f = ctx.input(1).data<T>();
    T* y = ctx.allocate_output(0, s.image.output).template mutable_data<T>();
    const int64_t channels = s.image.channels(), columns = s.image.width.window;
    s.image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      s.image.for_positions(
          begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t element) {
            functions<T>().forward(w, columns, x.data<T>() + in, f + element * channels, y + out);
          });
    });
  }

 private:
  const WindowAttrs attrs_;
};

template <class T>
class DepthwiseBackpropInput final : public Kernel {
 public:
  explicit DepthwiseBackpropInput(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& filter = ctx.input(1);
    const Tensor& dy = ctx.input(2);
    const DepthwiseSizes s =
        sizes_of(attrs_, shape_from(ctx.input(0), "input_sizes"), filter.shape());
    check_backprop(s, dy);
    Tensor& output = ctx.allocate_output(0, s.input);
    Tensor wide = s.multiplier == 1 ? output : ctx.allocate_temp(dtype_of<T>, s.image.input);
    T* dx = wide.mutable_data<T>();
    clear_elements(ctx, dtype_of<T>, dx, wide.num_elements());
    const int64_t channels = s.image.channels(), columns = s.image.width.window;
    s.image.for_rows(ctx, true, [&](int64_t begin, int64_t end) {
      s.image.for_positions(
          begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t element) {
            functions<T>().add_to_input(w, columns, dy.data<T>() + out,
                                        filter.data<T>() + element * channels, dx + in);
          });
    });
    if (s.multiplier == 1) return;
    T* sums = output.mutable_data<T>();
    for (int64_t i = 0, n = output.num_elements(); i < n; ++i) {
      T sum = 0;
      for (int64_t j = 0; j < s.multiplier; ++j) sum += dx[i * s.multiplier + j];
      sums[i] = sum;
    }
  }

 private:
  const WindowAttrs attrs_;
};

template <class T>
class DepthwiseBackpropFilter final : public Kernel {
 public:
  explicit DepthwiseBackpropFilter(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Shape shape = shape_from(ctx.input(1), "filter_sizes");
    const DepthwiseSizes s = sizes_of(attrs_, ctx.input(0).shape(), shape);
    const Tensor& dy = ctx.input(2);
    check_backprop(s, dy);
    const Tensor x = repeated<T>(ctx, s, ctx.input(0));
    const int64_t size = s.filter_size(), batch = s.input[0];
    const int64_t channels = s.image.channels(), columns = s.image.width.window;
    const int64_t sums = num_partial_sums(ctx, batch), rows = s.image.height.output;
    Tensor partial = ctx.allocate_temp(dtype_of<T>, Shape{sums, size});
    T* parts = partial.mutable_data<T>();
    const double cost = 0.5 * static_cast<double>(dy.num_elements() * s.image.window_elements());
    ctx.parallel_for(sums, cost / static_cast<double>(sums), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        T* df = parts + i * size;
        std::fill(df, df + size, T(0));
        s.image.for_positions(i * batch / sums * rows, (i + 1) * batch / sums * rows,
                              [&](const PoolWindow& w, int64_t in, int64_t out, int64_t element) {
                                functions<T>().add_to_filter(w, columns, dy.data<T>() + out,
                                                             x.data<T>() + in,
                                                             df + element * channels);
                              });
      }
    });
    T* out = ctx.allocate_output(0, shape).template mutable_data<T>();
    std::copy(parts, parts + size, out);
    for (int64_t i = 1; i < sums; ++i) {
      for (int64_t j = 0; j < size; ++j) out[j] += parts[i * size + j];
    }
  }

 private:
  const WindowAttrs attrs_;
};

template <class T, template <KernelFactory> class Wrap>
void add_for(KernelRegistry& r, const DTypeSet& dtypes) {
  const auto add = [&](const char* op, KernelFactory factory) {
    r.add(op, kCpu, {{"T", dtypes}}, factory, Cost::kHeavy);
  };
  add("DepthwiseConv2dNative", either_layout<Wrap<make<Depthwise<T>>>::factory, kConvRoles>);
  add("DepthwiseConv2dNativeBackpropInput",
      either_layout<Wrap<make<DepthwiseBackpropInput<T>>>::factory, kConvInputRoles>);
  add("DepthwiseConv2dNativeBackpropFilter",
      either_layout<Wrap<make<DepthwiseBackpropFilter<T>>>::factory, kConvFilterRoles>);
}

}  // namespace

void register_depthwise(KernelRegistry& r) {
  add_for<float, AsItIs>(r, DType::kFloat32);
  add_for<double, AsItIs>(r, DType::kFloat64);
  add_for<float, ByWidening>(r, kHalf2);
}

}  // namespace penstock
