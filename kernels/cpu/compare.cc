// Comparisons: two operands with broadcasting, a bool out.
//
// Every ordered comparison with a NaN is false. Equal and NotEqual take every dtype but
// resources, and with `incompatible_shape_error = false` answer for the whole tensors where
// shapes do not broadcast.
#include <cmath>
#include <complex>
#include <string>

#include "cpu/broadcast.h"
#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/comparisons.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

constexpr double kCompare = 0.25;

template <class F, class... Ts>
ZipLoops portable(DType t) {
  return visit_dtype<Ts...>(t, [](auto e) { return zip_loops<F, decltype(e), bool>(); });
}

// Integers are equal when their bits are.
template <class F>
ZipSpec equality(DType t, const ZipByType& fast) {
  if (t == DType::kFloat32) return {fast.f32, kCompare};
  if (t == DType::kFloat64) return {fast.f64, 2 * kCompare};
  if (t == DType::kBool) return {zip_loops<F, uint8_t, bool>(), kCompare};
  if (kComplex.has(t)) return {portable<F, complex64, complex128>(t), 4 * kCompare};
  switch (dtype_size(t)) {
    case 1:
      return {zip_loops<F, uint8_t, bool>(), kCompare};
    case 2:
      return {zip_loops<F, uint16_t, bool>(), kCompare};
    case 4:
      return {fast.i32, kCompare};
    default:
      return {fast.i64, 2 * kCompare};
  }
}
template <class F>
ZipSpec ordered(DType t, const ZipByType& fast) {
  if (t == DType::kFloat32) return {fast.f32, kCompare};
  if (t == DType::kFloat64) return {fast.f64, 2 * kCompare};
  if (t == DType::kInt32) return {fast.i32, kCompare};
  if (t == DType::kInt64) return {fast.i64, 2 * kCompare};
  return {portable<F, int8_t, uint8_t, int16_t, uint16_t, uint32_t, uint64_t>(t), kCompare};
}

const CompareLoops& fast() { return vector_table().compare; }

ZipSpec equal_loops(DType t) { return equality<Equal>(t, fast().equal); }
ZipSpec not_equal_loops(DType t) { return equality<NotEqual>(t, fast().not_equal); }
ZipSpec less_loops(DType t) { return ordered<Less>(t, fast().less); }
ZipSpec less_equal_loops(DType t) { return ordered<LessEqual>(t, fast().less_equal); }
ZipSpec greater_loops(DType t) { return ordered<Greater>(t, fast().greater); }
ZipSpec greater_equal_loops(DType t) { return ordered<GreaterEqual>(t, fast().greater_equal); }

template <bool equal>
void compare_strings(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& y = ctx.input(1);
  Tensor& z = ctx.allocate_output(0, broadcast_shapes(x.shape(), y.shape()));
  if (z.num_elements() == 0) return;
  const Broadcast broadcast({&x.shape(), &y.shape()}, z.shape());
  const int64_t* step = broadcast.stride[broadcast.rank - 1];
  const std::string* a = x.data<std::string>();
  const std::string* b = y.data<std::string>();
  bool* c = z.mutable_data<bool>();
  broadcast.for_rows(0, z.num_elements(), [&](const int64_t* offset, int64_t at, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      c[at + i] = (a[offset[0] + i * step[0]] == b[offset[1] + i * step[1]]) == equal;
    }
  });
}

bool broadcasts(const Shape& x, const Shape& y) {
  const int rank = std::min(x.rank(), y.rank());
  for (int i = 1; i <= rank; ++i) {
    const int64_t a = x[x.rank() - i];
    const int64_t b = y[y.rank() - i];
    if (a != b && a != 1 && b != 1) return false;
  }
  return true;
}

// Equality that takes shapes which do not broadcast for a difference.
class LenientKernel final : public Kernel {
 public:
  LenientKernel(std::unique_ptr<Kernel> elementwise, bool when_incompatible)
      : elementwise_(std::move(elementwise)), when_incompatible_(when_incompatible) {}
  void compute(KernelContext& ctx) override {
    if (broadcasts(ctx.input(0).shape(), ctx.input(1).shape())) return elementwise_->compute(ctx);
    *ctx.allocate_output(0, Shape()).mutable_data<bool>() = when_incompatible_;
  }

 private:
  std::unique_ptr<Kernel> elementwise_;
  bool when_incompatible_;
};

template <KernelFactory factory, bool equal>
std::unique_ptr<Kernel> equality_kernel(const NodeInfo& node) {
  if (node.attrs.get_or("incompatible_shape_error", true)) return factory(node);
  return std::make_unique<LenientKernel>(factory(node), !equal);
}

template <class T>
class ApproximateEqual final : public Kernel {
 public:
  explicit ApproximateEqual(const NodeInfo& node)
      : tolerance_(node.attrs.get_or("tolerance", 1e-5)) {}
  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const Tensor& y = ctx.input(1);
    require(x.shape() == y.shape(), "x and y must have the same shape, got ", x.shape(), " and ",
            y.shape());
    const T* a = x.data<T>();
    const T* b = y.data<T>();
    bool* c = ctx.allocate_output(0, x.shape()).template mutable_data<bool>();
    ctx.parallel_for(x.num_elements(), 4 * kCompare, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) c[i] = distance(a[i], b[i]) < tolerance_;
    });
  }

 private:
  static double distance(const T& x, const T& y) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      const U difference =
          x > y ? static_cast<U>(x) - static_cast<U>(y) : static_cast<U>(y) - static_cast<U>(x);
      return static_cast<double>(difference);
    } else if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) {
      return static_cast<double>(std::abs(x - y));
    } else {
      return std::abs(static_cast<double>(x) - static_cast<double>(y));
    }
  }
  double tolerance_;
};

std::unique_ptr<Kernel> approximate_equal(const NodeInfo& node) {
  return visit_dtype<float, double, float16, bfloat16, int32_t, int64_t, int8_t, uint8_t, int16_t,
                     uint16_t, uint32_t, uint64_t, complex64, complex128>(
      node.input_dtypes[0], [&](auto e) -> std::unique_ptr<Kernel> {
        return std::make_unique<ApproximateEqual<decltype(e)>>(node);
      });
}

}  // namespace

void register_compare(KernelRegistry& r) {
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Equal", kPlain, equality_kernel<zip<equal_loops>, true>);
  add("NotEqual", kPlain, equality_kernel<zip<not_equal_loops>, false>);
  add("Equal", DType::kString, equality_kernel<function<compare_strings<true>>, true>);
  add("NotEqual", DType::kString, equality_kernel<function<compare_strings<false>>, false>);
  add("Less", kReal, zip<less_loops>);
  add("LessEqual", kReal, zip<less_equal_loops>);
  add("Greater", kReal, zip<greater_loops>);
  add("GreaterEqual", kReal, zip<greater_equal_loops>);
  add("ApproximateEqual", kNumber, approximate_equal);
}

}  // namespace penstock
