// Maximum pooling that also tells where the maxima are, and its gradient:
// MaxPoolWithArgmax, MaxPoolGradWithArgmax.
//
// A place is the number of the element in its image, (y * width + x) * channels + c, or in
// the whole batch with `include_batch_in_index`.
#include <type_traits>
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

class MaxPoolWithArgmax final : public Kernel {
 public:
  explicit MaxPoolWithArgmax(const NodeInfo& node)
      : attrs_(node),
        counts_batch_(node.attrs.get_or<bool>("include_batch_in_index", false)),
        fns_(pool_functions(node.output_dtypes[0])) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_, ctx.input(0).shape());
    visit_element(ctx.input(0).dtype(), [&](auto zero) { find<decltype(zero)>(ctx, image); });
  }

 private:
  template <class E>
  void find(KernelContext& ctx, const WindowedImage& image) const {
    const E* x = ctx.input(0).data<E>();
    E* y = ctx.allocate_output(0, image.output).template mutable_data<E>();
    Tensor& places = ctx.allocate_output(1, image.output);
    const int64_t size = image.input.product(1, 4);
    image.for_rows(ctx, false, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> at(static_cast<size_t>(image.channels()));
      image.for_positions(begin, end, [&](const PoolWindow& w, int64_t in, int64_t out, int64_t) {
        fns_.find_max(w, x + in, at.data());
        for (int64_t c = 0; c < w.channels; ++c) {
          const int64_t i = at[static_cast<size_t>(c)] / w.columns;
          const int64_t j = at[static_cast<size_t>(c)] % w.columns;
          const int64_t place = in + i * w.row_stride + j * w.column_stride + c;
          y[out + c] = x[place];
          store_place(places, out + c, counts_batch_ ? place : place % size);
        }
      });
    });
  }

  const WindowAttrs attrs_;
  const bool counts_batch_;
  const PoolFns& fns_;
};

// Inputs: the pooled image, the result's gradient, the places.
class MaxPoolGradWithArgmax final : public Kernel {
 public:
  explicit MaxPoolGradWithArgmax(const NodeInfo& node)
      : attrs_(node), counts_batch_(node.attrs.get_or<bool>("include_batch_in_index", false)) {}

  void compute(KernelContext& ctx) override {
    const WindowedImage image = pooled_image(attrs_, ctx.input(0).shape());
    require_shape(ctx.input(1), image.output, "grad");
    require_shape(ctx.input(2), image.output, "argmax");
    Tensor& dx = ctx.allocate_output(0, image.input);
    clear_elements(ctx, dx.dtype(), dx.raw(), dx.num_elements());
    visit_dtype<float, double, int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t,
                uint64_t>(dx.dtype(), [&](auto zero) {
      add(image, ctx.input(1).data<decltype(zero)>(), ctx.input(2),
          dx.mutable_data<decltype(zero)>());
    });
  }

 private:
  template <class T>
  void add(const WindowedImage& image, const T* dy, const Tensor& places, T* dx) const {
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;  // wraps around
    const int64_t size = image.input.product(1, 4), results = image.output.product(1, 4);
    const int64_t limit = counts_batch_ ? image.input.num_elements() : size;
    for (int64_t i = 0; i < places.num_elements(); ++i) {
      const int64_t place = int_at(places, i);
      require(place >= 0 && place < limit, "argmax ", place, " at position ", i,
              " is outside the valid range [0, ", limit, ")");
      T& sum = dx[counts_batch_ ? place : i / results * size + place];
      sum = static_cast<T>(static_cast<Sum>(sum) + static_cast<Sum>(dy[i]));
    }
  }

  const WindowAttrs attrs_;
  const bool counts_batch_;
};

}  // namespace

void register_pooling_argmax(KernelRegistry& r) {
  const auto add = [&r](const char* op, KernelFactory direct, KernelFactory wide) {
    r.add(op, kCpu, {{"T", kFloat2 | kInteger}}, direct);
    r.add(op, kCpu, {{"T", kHalf2}}, wide);
  };
  add("MaxPoolWithArgmax", make<MaxPoolWithArgmax>, widened<make<MaxPoolWithArgmax>>);
  add("MaxPoolGradWithArgmax", make<MaxPoolGradWithArgmax>, widened<make<MaxPoolGradWithArgmax>>);
}

}  // namespace penstock
