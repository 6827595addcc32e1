// Reductions: Sum, Mean, Prod, Max, Min, All, Any, EuclideanNorm. The folding is in reduce.cc;
// here accumulators become results.
#include <cmath>
#include <type_traits>

#include "cpu/elements.h"
#include "cpu/reduce.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// What is done to an accumulator to make it the result.
enum class Finish : uint8_t { kNothing, kDivide, kSquareRoot };

template <class A>
A finished(A value, Finish finish, int64_t count) {
  if (finish == Finish::kDivide) {
    if constexpr (std::is_integral_v<A>) {
      // The mean of nothing has no integer value; 0 rather than a trap.
      return count == 0 ? A(0) : static_cast<A>(value / static_cast<A>(count));
    } else if constexpr (std::is_floating_point_v<A>) {
      return value / static_cast<A>(count);
    } else {
      return value / static_cast<typename A::value_type>(count);
    }
  }
  if (finish == Finish::kSquareRoot) return static_cast<A>(std::sqrt(value));
  return value;
}

// Element k of `out`, of T, from element k of `acc`, of A. They may be the same memory.
template <class A, class T>
void finish_all(const void* acc, void* out, int64_t n, Finish finish, int64_t count) {
  const A* from = static_cast<const A*>(acc);
  T* to = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(finished(from[i], finish, count));
}

using FinishFn = void (*)(const void* acc, void* out, int64_t n, Finish finish, int64_t count);

// From 64-bit sums of integers to their means.
FinishFn mean_fn(DType dtype) {
  return visit_dtype<int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t, uint64_t>(
      dtype, [](auto zero) -> FinishFn {
        using T = decltype(zero);
        using A = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
        return finish_all<A, T>;
      });
}

FinishFn finish_fn(DType dtype) {
  if (dtype == DType::kFloat16) return finish_all<float, float16>;
  if (dtype == DType::kBFloat16) return finish_all<float, bfloat16>;
  if (dtype == DType::kBool) return finish_all<uint8_t, bool>;
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, complex64, complex128>(
      dtype, [](auto zero) -> FinishFn { return finish_all<decltype(zero), decltype(zero)>; });
}

class Reduction final : public Kernel {
 public:
  Reduction(const NodeInfo& node, FoldKind kind, Finish finish)
      : folding_(folding_of(
            kind, node.input_dtypes[0] == DType::kBool ? DType::kUInt8 : node.input_dtypes[0])),
        keep_dims_(node.attrs.get_or<bool>("keep_dims", false)),
        finish_(finish),
        finish_fn_(kind == FoldKind::kWideSum && kInteger.has(node.input_dtypes[0])
                       ? mean_fn(node.input_dtypes[0])
                       : finish_fn(node.input_dtypes[0])) {
    // All of nothing is true, which as a byte is 1.
    if (node.input_dtypes[0] == DType::kBool && kind == FoldKind::kMin) folding_.identity[0] = 1;
  }

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const ReducedAxes axes = read_reduced_axes(x.shape(), ctx.input(1), keep_dims_);
    Tensor value = reduce(ctx, folding_, x, axes);
    const bool as_is =
        finish_ == Finish::kNothing || (finish_ == Finish::kDivide && axes.count == 1);
    if (as_is && value.dtype() == x.dtype()) return ctx.set_output(0, std::move(value));
    const bool in_place = value.dtype() == x.dtype() && value.raw() != x.raw();
    Tensor out = in_place ? value : ctx.allocate_temp(x.dtype(), axes.result);
    finish_fn_(value.raw(), out.raw(), out.num_elements(), finish_, axes.count);
    ctx.set_output(0, std::move(out));
  }

 private:
  Folding folding_;
  bool keep_dims_;
  Finish finish_;
  FinishFn finish_fn_;
};

template <FoldKind kind, Finish finish = Finish::kNothing>
std::unique_ptr<Kernel> reduction(const NodeInfo& node) {
  return std::make_unique<Reduction>(node, kind, finish);
}

}  // namespace

void register_reduction(KernelRegistry& r) {
  const TypeConstraints numbers{{"T", kNumber}}, reals{{"T", kReal}};
  r.add("Sum", kCpu, numbers, reduction<FoldKind::kSum>);
  r.add("Mean", kCpu, numbers, reduction<FoldKind::kWideSum, Finish::kDivide>);
  r.add("Prod", kCpu, numbers, reduction<FoldKind::kProd>);
  r.add("Max", kCpu, reals, reduction<FoldKind::kMax>);
  r.add("Min", kCpu, reals, reduction<FoldKind::kMin>);
  r.add("All", kCpu, {}, reduction<FoldKind::kMin>);
  r.add("Any", kCpu, {}, reduction<FoldKind::kMax>);
  r.add("EuclideanNorm", kCpu, numbers, reduction<FoldKind::kSumSquares, Finish::kSquareRoot>);
}

}  // namespace penstock
