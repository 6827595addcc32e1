// The cross product of vectors of three numbers, the innermost dimension. Integers wrap around.
#include "cpu/register_structure.h"

namespace penstock {
namespace {

template <class T>
T minus_products(T a, T b, T c, T d) {
  if constexpr (std::is_integral_v<T>) {
    const auto wide = [](T x) { return static_cast<uint64_t>(x); };
    return static_cast<T>(wide(a) * wide(b) - wide(c) * wide(d));
  } else {
    return T(a * b - c * d);
  }
}

void compute_cross(KernelContext& ctx) {
  const Tensor a = ctx.input(0), b = ctx.input(1);
  require(a.shape() == b.shape(), "both operands must have one shape, got ", a.shape(), " and ",
          b.shape());
  require(a.rank() >= 1 && a.dim(a.rank() - 1) == 3,
          "the innermost dimension must have size 3, got shape ", a.shape());
  Tensor& out = ctx.allocate_output(0, a.shape());
  visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, float16, bfloat16>(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* to = out.mutable_data<T>();
    ctx.parallel_for(a.num_elements() / 3, 3.0, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *u = a.data<T>() + 3 * i, *v = b.data<T>() + 3 * i;
        for (int k = 0; k < 3; ++k) {
          const int p = (k + 1) % 3, q = (k + 2) % 3;
          to[3 * i + k] = minus_products<T>(u[p], v[q], u[q], v[p]);
        }
      }
    });
  });
}

}  // namespace

void register_cross(KernelRegistry& r) {
  r.add("Cross", kCpu, {{"T", kReal}}, function<compute_cross>);
}

}  // namespace penstock
