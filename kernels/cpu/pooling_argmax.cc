// Maximum pooling that also tells where the maxima are, and its gradient:
// MaxPoolWithArgmax, MaxPoolGradWithArgmax.
//
// A place is the number of the element in its image, (y * width + x) * channels + c, or in
// the whole batch with `include_batch_in_index`.
#include <algorithm>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/pooling.h"
#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

void store_place(Tensor& places, int64_t at, int64_t value) {
  if (places.dtype() == DType::kInt32) {
    places.mutable_data<int32_t>()[at] = static_cast<int32_t>(value);
  } else {
    places.mutable_data<int64_t>()[at] = value;
  }
}

template <class T>
class MaxPoolWithArgmax final : public Kernel {
 public:
  explicit MaxPoolWithArgmax(const NodeInfo& node)
      : attrs_(node), counts_batch_(node.attrs.get_or<bool>("include_batch_in_index", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const WindowedImage image = pooled_image(attrs_, x.shape());
    T* y = ctx.allocate_output(0, image.output).template mutable_data<T>();
    Tensor& places = ctx.allocate_output(1, image.output);
    const int64_t size = image.input.product(1, 4);
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        pool_functions<T>().find_max(w, x.data<T>() + in, at.data());
        for (int64_t c = 0; c < w.channels; ++c) {
          const int64_t i = at[static_cast<size_t>(c)] / w.columns;
          const int64_t j = at[static_cast<size_t>(c)] % w.columns;
          const int64_t place = in + i * w.row_stride + j * w.column_stride + c;
          y[out + c] = x.data<T>()[place];
          store_place(places, out + c, counts_batch_ ? place : place % size);
        }
      });
    });
  }

 private:
  const WindowAttrs attrs_;
  const bool counts_batch_;
};

// Inputs: the pooled image, the result's gradient, the places.
template <class T>
class MaxPoolGradWithArgmax final : public Kernel {
 public:
  explicit MaxPoolGradWithArgmax(const NodeInfo& node)
      : attrs_(node), counts_batch_(node.attrs.get_or<bool>("include_batch_in_index", false)) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_, ctx.input(0).shape());
    const Tensor& dy = ctx.input(1);
    const Tensor& places = ctx.input(2);
    require_shape(dy, image.output, "grad");
    require_shape(places, image.output, "argmax");
    T* dx = ctx.allocate_output(0, image.input).template mutable_data<T>();
    clear_elements(ctx, dtype_of<T>, dx, image.input.num_elements());
    const int64_t size = image.input.product(1, 4), results = image.output.product(1, 4);
    const int64_t limit = counts_batch_ ? image.input.num_elements() : size;
    for (int64_t i = 0; i < dy.num_elements(); ++i) {
      const int64_t place = int_at(places, i);
      require(place >= 0 && place < limit, "argmax ", place, " at position ", i,
              " is outside the valid range [0, ", limit, ")");
      dx[counts_batch_ ? place : i / results * size + place] += dy.data<T>()[i];
    }
  }

 private:
  const WindowAttrs attrs_;
  const bool counts_batch_;
};

}  // namespace

void register_pooling_argmax(KernelRegistry& r) {
  r.add("MaxPoolWithArgmax", kCpu, {{"T", DType::kFloat32}}, make<MaxPoolWithArgmax<float>>);
  r.add("MaxPoolWithArgmax", kCpu, {{"T", DType::kFloat64}}, make<MaxPoolWithArgmax<double>>);
  r.add("MaxPoolWithArgmax", kCpu, {{"T", kHalf2}}, widened<make<MaxPoolWithArgmax<float>>>);
  r.add("MaxPoolGradWithArgmax", kCpu, {{"T", DType::kFloat32}},
        make<MaxPoolGradWithArgmax<float>>);
  r.add("MaxPoolGradWithArgmax", kCpu, {{"T", DType::kFloat64}},
        make<MaxPoolGradWithArgmax<double>>);
  r.add("MaxPoolGradWithArgmax", kCpu, {{"T", kHalf2}},
        widened<make<MaxPoolGradWithArgmax<float>>>);
}

}  // namespace penstock
