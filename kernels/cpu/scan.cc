// Along one axis: where the largest or smallest element is (ArgMax, ArgMin), and running sums
// and products (Cumsum, Cumprod).
#include <limits>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"

namespace penstock {
namespace {

void write_index(Tensor& out, int64_t i, int64_t value) {
  switch (out.dtype()) {
    case DType::kInt32:
      out.mutable_data<int32_t>()[i] = static_cast<int32_t>(value);
      break;
    case DType::kInt16:
      out.mutable_data<int16_t>()[i] = static_cast<int16_t>(value);
      break;
    case DType::kUInt16:
      out.mutable_data<uint16_t>()[i] = static_cast<uint16_t>(value);
      break;
    default:
      out.mutable_data<int64_t>()[i] = value;
  }
}

// The first position in x[0], x[step], ... of the largest (or smallest) element. NaN is never
// larger or smaller than anything.
template <class T, bool largest>
int64_t position_of_best(const T* x, int64_t n, int64_t step) {
  int64_t best = 0;
  T value = x[0];
  for (int64_t i = 1; i < n; ++i) {
    const T candidate = x[i * step];
    const bool better = largest ? candidate > value : candidate < value;
    if (better || (value != value && candidate == candidate)) {
      best = i;
      value = candidate;
    }
  }
  return best;
}

template <class T, bool largest>
void compute_arg_best(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = checked_axis(int_scalar(ctx.input(1), "axis"), x.rank());
  require(x.dim(axis) > 0, "axis ", axis, " of shape ", x.shape(),
          " has size 0: there is no element to find");
  Shape shape(x.shape().dims(), axis);
  for (int d = axis + 1; d < x.rank(); ++d) shape.push_back(x.dim(d));
  const AxisSplit split(x.shape(), axis);
  const T* data = x.data<T>();
  Tensor& out = ctx.allocate_output(0, shape);
  ctx.parallel_for(
      out.num_elements(), static_cast<double>(split.size), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const T* first = data + i / split.inner * split.size * split.inner + i % split.inner;
          write_index(out, i, position_of_best<T, largest>(first, split.size, split.inner));
        }
      });
}

template <bool largest>
std::unique_ptr<Kernel> make_arg_best(const NodeInfo& node) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16, bool>(
      node.input_dtypes[0], [](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_arg_best<decltype(zero), largest>);
      });
}

struct Add {
  template <class T>
  static T at(T x, T y) {
    return static_cast<T>(x + y);
  }
  static constexpr int kStart = 0;
};
struct Multiply {
  template <class T>
  static T at(T x, T y) {
    return static_cast<T>(x * y);
  }
  static constexpr int kStart = 1;
};

// Signed integers run as unsigned ones of the same size, which wrap around.
template <class T>
using Wrapping = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                             std::enable_if<true, T>>::type;

template <class T, class F>
class Scan final : public Kernel {
 public:
  explicit Scan(const NodeInfo& node)
      : exclusive_(node.attrs.get_or<bool>("exclusive", false)),
        reverse_(node.attrs.get_or<bool>("reverse", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const int axis = checked_axis(int_scalar(ctx.input(1), "axis"), x.rank());
    const AxisSplit split(x.shape(), axis);
    const T* from = x.data<T>();
    Tensor& out = ctx.forward_or_allocate(0, x.shape(), {0});
    T* to = out.mutable_data<T>();
    if (out.num_elements() == 0) return;
    // Lines that are neighbours in memory are scanned one after the other within a piece.
    ctx.parallel_for(split.outer * split.inner, 1.5 * static_cast<double>(split.size),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t line = begin; line < end; ++line) {
                         const int64_t start =
                             line / split.inner * split.size * split.inner + line % split.inner;
                         scan(from + start, to + start, split.size, split.inner);
                       }
                     });
  }

 private:
  void scan(const T* x, T* y, int64_t n, int64_t step) const {
    T total(static_cast<T>(static_cast<float>(F::kStart)));
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = (reverse_ ? n - 1 - k : k) * step;
      const T next = F::template at<T>(total, x[i]);
      y[i] = exclusive_ ? total : next;
      total = next;
    }
  }

  bool exclusive_, reverse_;
};

template <class F>
std::unique_ptr<Kernel> make_scan(const NodeInfo& node) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16, complex64, complex128>(
      node.input_dtypes[0], [&](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<Scan<Wrapping<decltype(zero)>, F>>(node);
      });
}

}  // namespace

void register_scan(KernelRegistry& r) {
  r.add("ArgMax", kCpu, {{"T", kReal | DType::kBool}}, make_arg_best<true>);
  r.add("ArgMin", kCpu, {{"T", kReal | DType::kBool}}, make_arg_best<false>);
  r.add("Cumsum", kCpu, {{"T", kNumber}}, make_scan<Add>);
  r.add("Cumprod", kCpu, {{"T", kNumber}}, make_scan<Multiply>);
}

}  // namespace penstock
