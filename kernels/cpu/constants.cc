// Values from nowhere or straight through: identities, fills, ranges, bit casts.
// Identities share their input's buffer; nothing is copied.
#include <cmath>
#include <string>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"

namespace penstock {
namespace {

void compute_identity(KernelContext& ctx) { ctx.set_output(0, ctx.input(0)); }

void compute_identity_n(KernelContext& ctx) {
  for (int i = 0; i < ctx.num_inputs(); ++i) ctx.set_output(i, ctx.input(i));
}

void compute_nothing(KernelContext&) {}

// Reached only when a step needs a placeholder that was not fed.
class Placeholder final : public Kernel {
 public:
  explicit Placeholder(const NodeInfo& node)
      : text_(concat("You must feed a value for placeholder tensor \"", node.name, "\" with dtype ",
                     node.output_dtypes[0])) {
    if (const AttrValue* shape = node.attrs.find("shape")) {
      if (const auto* s = std::get_if<PartialShape>(shape); s && !s->unknown_rank) {
        text_ += " and shape " + s->to_string();
      }
    }
    text_ += ": pass feed_dict={" + node.name + ": value} to run()";
  }
  void compute(KernelContext&) override { fail(Code::kInvalidArgument, text_); }

 private:
  std::string text_;
};

class EnsureShape final : public Kernel {
 public:
  explicit EnsureShape(const NodeInfo& node) : shape_(node.attrs.get<PartialShape>("shape")) {}
  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    require(shape_.allows(x.shape()), "the input has shape ", x.shape(),
            ", which is not compatible with the expected shape ", shape_.to_string());
    ctx.set_output(0, x);
  }

 private:
  PartialShape shape_;
};

void compute_zeros_like(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const DType dtype = x.dtype();
  const int64_t n = x.num_elements();
  Tensor& out = ctx.forward_or_allocate(0, x.shape(), {0});
  clear_elements(ctx, dtype, out.raw(), n);
}

void compute_ones_like(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const DType dtype = x.dtype();
  const int64_t n = x.num_elements();
  Tensor& out = ctx.forward_or_allocate(0, x.shape(), {0});
  visit_dtype<float, double, int32_t, int64_t, bool, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, float16, bfloat16, complex64, complex128>(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T one(1);
    fill_elements(ctx, dtype, out.raw(), &one, n);
  });
}

void compute_fill(KernelContext& ctx) {
  const Tensor& value = ctx.input(1);
  require(value.is_scalar(), "value must be a scalar, got shape ", value.shape());
  const Shape shape = shape_from(ctx.input(0), "dims");
  Tensor& out = ctx.allocate_output(0, shape);
  fill_elements(ctx, out.dtype(), out.raw(), value.raw(), out.num_elements());
}

void compute_empty(KernelContext& ctx) {
  Tensor& out = ctx.allocate_output(0, shape_from(ctx.input(0)));
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
}

// How many steps of `delta` lie in [start, limit).
template <class T>
int64_t range_length(T start, T limit, T delta) {
  if constexpr (std::is_integral_v<T>) {
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    const bool up = delta > 0;
    const uint64_t span = up ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                             : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
    const uint64_t step = up ? static_cast<uint64_t>(delta) : 0 - static_cast<uint64_t>(delta);
    const uint64_t n = (span - 1) / step + 1;
    require(n <= (uint64_t{1} << 62), "the range has too many elements");
    return static_cast<int64_t>(n);
  } else {
    const double n = std::ceil(std::abs((double(limit) - double(start)) / double(delta)));
    require(n < 4e18, "the range from ", double(start), " to ", double(limit), " by ",
            double(delta), " has too many elements");
    return static_cast<int64_t>(n);
  }
}

template <class T>
void compute_range_of(KernelContext& ctx) {
  for (int i = 0; i < 3; ++i) {
    require(ctx.input(i).num_elements() == 1,
            i == 0   ? "start"
            : i == 1 ? "limit"
                     : "delta",
            " must be a scalar, got shape ", ctx.input(i).shape());
  }
  using Shown = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
  const T start = ctx.input(0).scalar<T>(), limit = ctx.input(1).scalar<T>();
  const T delta = ctx.input(2).scalar<T>();
  require(delta != T(0), "delta must not be 0");
  require(delta < T(0) || start <= limit, "start must be <= limit when delta > 0, got ",
          Shown(start), " and ", Shown(limit));
  require(delta > T(0) || start >= limit, "start must be >= limit when delta < 0, got ",
          Shown(start), " and ", Shown(limit));
  Tensor& out = ctx.allocate_output(0, {range_length(start, limit, delta)});
  T* y = out.mutable_data<T>();
  T value = start;
  for (int64_t i = 0, n = out.num_elements(); i < n; ++i) {
    y[i] = value;
    // Unsigned on purpose: the step after the last may not fit.
    if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(static_cast<uint64_t>(value) + static_cast<uint64_t>(delta));
    } else {
      value = T(value + delta);
    }
  }
}

template <class T>
void compute_lin_space_of(KernelContext& ctx) {
  require(ctx.input(0).num_elements() == 1 && ctx.input(1).num_elements() == 1,
          "start and stop must be scalars, got shapes ", ctx.input(0).shape(), " and ",
          ctx.input(1).shape());
  const T start = ctx.input(0).scalar<T>(), stop = ctx.input(1).scalar<T>();
  const int64_t n = int_scalar(ctx.input(2), "num");
  require(n > 0, "num must be positive, got ", n);
  Tensor& out = ctx.allocate_output(0, {n});
  T* y = out.mutable_data<T>();
  const T step = n > 1 ? T((stop - start) / T(static_cast<float>(n - 1))) : T(0);
  ctx.parallel_for(n, 1.0, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = T(start + step * T(static_cast<float>(i)));
  });
  if (n > 1) y[n - 1] = stop;
}

std::unique_ptr<Kernel> make_lin_space(const NodeInfo& node) {
  return visit_dtype<float, double, float16, bfloat16>(
      node.output_dtypes[0], [](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_lin_space_of<decltype(zero)>);
      });
}

std::unique_ptr<Kernel> make_range(const NodeInfo& node) {
  return visit_dtype<int32_t, int64_t, float, double, float16, bfloat16, int8_t, int16_t, uint16_t,
                     uint32_t, uint64_t>(
      node.output_dtypes[0], [](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_range_of<decltype(zero)>);
      });
}

Shape bitcast_shape(const Tensor& x, DType to) {
  const auto from_size = static_cast<int64_t>(dtype_size(x.dtype()));
  const auto to_size = static_cast<int64_t>(dtype_size(to));
  Shape shape = x.shape();
  if (from_size > to_size) {
    shape.push_back(from_size / to_size);
  } else if (from_size < to_size) {
    const int64_t ratio = to_size / from_size;
    require(x.rank() > 0 && x.dim(x.rank() - 1) == ratio, "a bitcast from ", x.dtype(), " to ", to,
            " needs a last dimension of ", ratio, ", got shape ", x.shape());
    shape = Shape(x.shape().dims(), x.rank() - 1);
  }
  return shape;
}

void compute_bitcast(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const DType to = ctx.node().output_dtypes[0];
  const Shape shape = bitcast_shape(x, to);
  if (reinterpret_cast<uintptr_t>(x.raw()) % dtype_size(to) == 0) {
    ctx.set_output(0, x.viewed_as(to, shape));
    return;
  }
  Tensor& out = ctx.allocate_output(0, shape);  // a slice that is not aligned for `to`
  std::memcpy(out.raw(), x.raw(), x.bytes());
}

class CheckNumerics final : public Kernel {
 public:
  explicit CheckNumerics(const NodeInfo& node)
      : message_(node.attrs.get<std::string>("message")), dtype_(node.input_dtypes[0]) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    visit_dtype<float, double, float16, bfloat16>(dtype_, [&](auto zero) {
      check<decltype(zero)>(x.data<decltype(zero)>(), x.num_elements());
    });
    ctx.set_output(0, x);
  }

 private:
  template <class T>
  void check(const T* x, int64_t n) const {
    bool nan = false, inf = false;
    for (int64_t i = 0; i < n; ++i) {
      const auto v =
          static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(x[i]);
      nan |= v != v;
      inf |= v - v != 0 && v == v;
    }
    if (!nan && !inf) return;
    fail(Code::kInvalidArgument, message_, " : Tensor had ",
         nan && inf ? "Inf and NaN" : (nan ? "NaN" : "Inf"), " values");
  }
  std::string message_;
  DType dtype_;
};

}  // namespace

void register_constants(KernelRegistry& r) {
  for (const char* op :
       {"Identity", "StopGradient", "PreventGradient", "Snapshot", "GuaranteeConst"}) {
    r.add(op, kCpu, {}, function<compute_identity>, Cost::kTrivial);
  }
  r.add("IdentityN", kCpu, {}, function<compute_identity_n>, Cost::kTrivial);
  r.add("NoOp", kCpu, {}, function<compute_nothing>, Cost::kTrivial);
  r.add("Placeholder", kCpu, {}, make<Placeholder>, Cost::kTrivial);
  r.add("PlaceholderV2", kCpu, {}, make<Placeholder>, Cost::kTrivial);
  r.add("EnsureShape", kCpu, {}, make<EnsureShape>, Cost::kTrivial);
  r.add("PlaceholderWithDefault", kCpu, {}, make<EnsureShape>, Cost::kTrivial);
  r.add("ZerosLike", kCpu, {{"T", kPlain | DType::kString}}, function<compute_zeros_like>);
  r.add("OnesLike", kCpu, {{"T", kPlain}}, function<compute_ones_like>);
  r.add("Fill", kCpu, {{"T", kAnyType}}, function<compute_fill>);
  r.add("Empty", kCpu, {{"dtype", kPlain | DType::kString}}, function<compute_empty>);
  r.add("Range", kCpu, {{"Tidx", kReal}}, make_range);
  r.add("LinSpace", kCpu, {{"T", kFloating}}, make_lin_space);
  r.add("Bitcast", kCpu, {{"T", kNumber}, {"type", kNumber}}, function<compute_bitcast>,
        Cost::kTrivial);
  r.add("CheckNumerics", kCpu, {{"T", kFloating}}, make<CheckNumerics>);
}

}  // namespace penstock
