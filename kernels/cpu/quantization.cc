// Numbers rounded to the steps that an integer of so many bits could tell apart.
//
// The steps are even and 0 is one of them: the side of the range, negative or positive, that
// needs the larger steps decides. 16-bit floats are computed in float32.
#include <cmath>
#include <limits>
#include <string>

#include "cpu/axes.h"
#include "cpu/register_structure.h"

namespace penstock {
namespace {

template <class T>
struct Steps {
  T low, high;    // of the range, as far as steps reach
  T scale, step;  // steps in 1, and the length of one
};

class QuantizeAndDequantize final : public Kernel {
 public:
  explicit QuantizeAndDequantize(const NodeInfo& node)
      : signed_(node.attrs.get_or<bool>("signed_input", true)),
        given_(node.attrs.get_or<bool>("range_given", false)),
        narrow_(node.attrs.get_or<bool>("narrow_range", false)),
        half_up_(node.attrs.get_or<std::string>("round_mode", "HALF_TO_EVEN") == "HALF_UP"),
        bits_(node.attrs.get_or<int64_t>("num_bits", 8)),
        axis_(node.attrs.get_or<int64_t>("axis", -1)) {
    const int64_t most = signed_ ? 61 : 62;
    require(bits_ >= 1 && bits_ <= most, "num_bits is ", bits_, ", expected 1 to ", most);
    require(axis_ >= -1, "axis is ", axis_, ", expected -1 (none) or a dimension");
  }

  void compute(KernelContext& ctx) override {
    visit_dtype<float, double, float16, bfloat16>(
        ctx.input(0).dtype(), [&](auto zero) { compute_as<decltype(zero)>(ctx); });
  }

 private:
  template <class T>
  void compute_as(KernelContext& ctx) const {
    using W = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const Tensor &x = ctx.input(0), &low = ctx.input(1), &high = ctx.input(2);
    require(axis_ < x.rank(), "axis ", axis_, " is out of range for shape ", x.shape());
    const int64_t slices = axis_ < 0 ? 1 : x.dim(static_cast<int>(axis_));
    const int64_t inner =
        axis_ < 0 ? x.num_elements() : x.shape().product(static_cast<int>(axis_) + 1, x.rank());
    if (given_) {
      for (const Tensor* t : {&low, &high}) {
        require(t->num_elements() == slices, "the range must have ", slices,
                " elements, one for each slice, got shape ", t->shape());
      }
    }
    Tensor& out = ctx.allocate_output(0, x.shape());
    if (out.num_elements() == 0) return;
    const int64_t outer = x.num_elements() / (slices * inner);
    for (int64_t s = 0; s < slices; ++s) {
      W least = 0, most = 0;
      if (given_) {
        least = static_cast<W>(low.data<T>()[s]);
        most = static_cast<W>(high.data<T>()[s]);
        require(!(least > most), "input_min ", least, " is larger than input_max ", most);
      } else {
        find_range<T, W>(x, s, slices, inner, outer, &least, &most);
      }
      const Steps<W> steps = steps_of<W>(least, most);
      for (int64_t o = 0; o < outer; ++o) {
        const int64_t at = (o * slices + s) * inner;
        round_block<T, W>(x.data<T>() + at, out.mutable_data<T>() + at, inner, steps);
      }
    }
  }

  template <class T, class W>
  static void find_range(const Tensor& x, int64_t slice, int64_t slices, int64_t inner,
                         int64_t outer, W* least, W* most) {
    *least = std::numeric_limits<W>::infinity();
    *most = -*least;
    for (int64_t o = 0; o < outer; ++o) {
      const T* from = x.data<T>() + (o * slices + slice) * inner;
      for (int64_t i = 0; i < inner; ++i) {
        *least = std::min(*least, static_cast<W>(from[i]));
        *most = std::max(*most, static_cast<W>(from[i]));
      }
    }
  }

  template <class W>
  Steps<W> steps_of(W least, W most) const {
    const int64_t half = int64_t{1} << (signed_ ? bits_ - 1 : bits_);
    const W last = static_cast<W>(half - 1);
    const W first = signed_ ? static_cast<W>(narrow_ ? 1 - half : -half) : W(0);
    constexpr W kUnbounded = std::numeric_limits<W>::max();
    const W from_low = first * least > 0 ? first / least : kUnbounded;
    const W from_high = last * most > 0 ? last / most : kUnbounded;
    if (from_low < from_high) {
      const W step = least / first;
      return {least, last * step, from_low, step};
    }
    const W step = last > 0 ? most / last : W(0);
    return {first * step, most, from_high, step};
  }

  template <class T, class W>
  void round_block(const T* from, T* to, int64_t n, const Steps<W>& steps) const {
    for (int64_t i = 0; i < n; ++i) {
      W x = static_cast<W>(from[i]);
      if (given_) x = std::min(std::max(x, steps.low), steps.high);
      const W number = x * steps.scale;
      const W whole = half_up_ ? std::floor(number + W(0.5)) : std::nearbyint(number);
      to[i] = static_cast<T>(whole * steps.step);
    }
  }

  bool signed_, given_, narrow_, half_up_;
  int64_t bits_, axis_;
};

}  // namespace

void register_quantization(KernelRegistry& r) {
  r.add("QuantizeAndDequantizeV2", kCpu, {{"T", kFloating}}, make<QuantizeAndDequantize>);
}

}  // namespace penstock
