// ClipByValue: every element brought between two bounds, each a scalar or of the tensor's shape.
#include <complex>

#include "cpu/loops.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// Where the bounds cross the lower one wins; NaN stays.
template <class T>
T clipped(T x, T low, T high) {
  const T y = x > high ? high : x;
  return y < low ? low : y;
}
// Complex numbers are clipped part by part.
template <class T>
std::complex<T> clipped(std::complex<T> x, std::complex<T> low, std::complex<T> high) {
  return {clipped(x.real(), low.real(), high.real()), clipped(x.imag(), low.imag(), high.imag())};
}
template <>
float16 clipped(float16 x, float16 low, float16 high) {
  return clipped<float>(x, low, high);
}
template <>
bfloat16 clipped(bfloat16 x, bfloat16 low, bfloat16 high) {
  return clipped<float>(x, low, high);
}

template <class T>
void compute_clip(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& low = ctx.input(1);
  const Tensor& high = ctx.input(2);
  for (const Tensor* bound : {&low, &high}) {
    require(bound->is_scalar() || bound->shape() == x.shape(),
            "clip_value_min and clip_value_max must be scalars or have the shape of t, which is ",
            x.shape(), "; got ", low.shape(), " and ", high.shape());
  }
  const T* from = x.data<T>();
  const T* least = low.data<T>();
  const T* most = high.data<T>();
  const int64_t least_step = low.is_scalar() ? 0 : 1;
  const int64_t most_step = high.is_scalar() ? 0 : 1;
  const int64_t n = x.num_elements();
  T* to = ctx.forward_or_allocate(0, x.shape(), {0}).template mutable_data<T>();
  ctx.parallel_for(n, 0.5, [&](int64_t begin, int64_t end) {
    if (least_step == 0 && most_step == 0) {
      const T a = *least;
      const T b = *most;
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) to[i] = clipped(from[i], a, b);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        to[i] = clipped(from[i], least[i * least_step], most[i * most_step]);
      }
    }
  });
}

std::unique_ptr<Kernel> clip(const NodeInfo& node) {
  return visit_dtype<float, double, float16, bfloat16, int32_t, int64_t, int8_t, int16_t, uint8_t,
                     uint16_t, uint32_t, uint64_t, complex64, complex128>(
      node.input_dtypes[0], [](auto e) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_clip<decltype(e)>);
      });
}

}  // namespace

void register_clipping(KernelRegistry& r) { r.add("ClipByValue", kCpu, {{"T", kNumber}}, clip); }

}  // namespace penstock
