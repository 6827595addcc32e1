// Functions of one operand, and the gradients that TensorFlow writes in terms of the output.
//
// Where the vector table has a loop for a dtype it is used; otherwise the functor's own, which
// calls the C++ library. Integers wrap around.
#include <cmath>
#include <complex>
#include <type_traits>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

// Nanoseconds for one element: simple arithmetic, a vectorised function, one from the library.
constexpr double kSimple = 0.25;
constexpr double kVectorised = 0.8;
constexpr double kLibrary = 8.0;

// A functor for each function that exists for floating and complex numbers alike.
#define FUNCTION(Name, expression) \
  struct Name {                    \
    template <class T>             \
    static T at(const T& x) {      \
      return expression;           \
    }                              \
  };
FUNCTION(Exp, std::exp(x))
FUNCTION(Log, std::log(x))
FUNCTION(Sqrt, std::sqrt(x))
FUNCTION(Rsqrt, T(1) / std::sqrt(x))
FUNCTION(Reciprocal, T(1) / x)
FUNCTION(Sigmoid, T(1) / (T(1) + std::exp(-x)))
FUNCTION(Sin, std::sin(x))
FUNCTION(Cos, std::cos(x))
FUNCTION(Tan, std::tan(x))
FUNCTION(Sinh, std::sinh(x))
FUNCTION(Cosh, std::cosh(x))
FUNCTION(Tanh, std::tanh(x))
FUNCTION(Asin, std::asin(x))
FUNCTION(Acos, std::acos(x))
FUNCTION(Atan, std::atan(x))
FUNCTION(Asinh, std::asinh(x))
FUNCTION(Acosh, std::acosh(x))
FUNCTION(Atanh, std::atanh(x))
FUNCTION(Erf, std::erf(x))
FUNCTION(Erfc, std::erfc(x))
FUNCTION(IsFinite, std::isfinite(x))
FUNCTION(IsNan, std::isnan(x))
FUNCTION(IsInf, std::isinf(x))
FUNCTION(LogicalNot, !x)
#undef FUNCTION

template <class T>
constexpr bool is_complex = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

struct Expm1 {
  template <class T>
  static T at(const T& x) {
    if constexpr (is_complex<T>)
      return std::exp(x) - T(1);
    else
      return std::expm1(x);
  }
};
struct Log1p {
  template <class T>
  static T at(const T& x) {
    if constexpr (is_complex<T>)
      return std::log(T(1) + x);
    else
      return std::log1p(x);
  }
};
struct Neg {
  template <class T>
  static T at(const T& x) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(std::make_unsigned_t<T>(0) - x);
    else
      return -x;
  }
};
struct Abs {
  template <class T>
  static T at(T x) {
    return x < 0 ? Neg::at(x) : x;
  }
};
struct Sign {
  template <class T>
  static T at(const T& x) {
    if constexpr (is_complex<T>) {
      return x == T(0) ? T(0) : x / std::abs(x);
    } else if constexpr (std::is_floating_point_v<T>) {
      return x > 0 ? T(1) : (x < 0 ? T(-1) : x + T(0));  // of -0 it is 0
    } else {
      return static_cast<T>((x > 0) - (x < 0));
    }
  }
};
struct Square {
  template <class T>
  static T at(const T& x) {
    if constexpr (std::is_integral_v<T>) {
      const uint64_t wide = static_cast<uint64_t>(x);
      return static_cast<T>(wide * wide);
    } else {
      return x * x;
    }
  }
};
struct Same {
  template <class T>
  static T at(const T& x) {
    return x;
  }
};

// The loop for a floating or complex dtype: the table's where it has one.
template <class F>
MapSpec floating(DType t, const MapByType& fast, double fast_cost = kVectorised) {
  if (t == DType::kFloat32 && fast.f32) return {fast.f32, fast_cost};
  if (t == DType::kFloat64 && fast.f64) return {fast.f64, 2 * fast_cost};
  return {visit_dtype<float, double>(t, [](auto e) -> MapFn { return map_loop<F, decltype(e)>; }),
          kLibrary};
}
template <class F>
MapSpec floating_or_complex(DType t, const MapByType& fast, double fast_cost = kVectorised) {
  if (!kComplex.has(t)) return floating<F>(t, fast, fast_cost);
  return {visit_dtype<complex64, complex128>(
              t, [](auto e) -> MapFn { return map_loop<F, decltype(e)>; }),
          3 * kLibrary};
}
template <class F>
MapSpec integer(DType t) {
  return {visit_dtype<int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t>(
              t, [](auto e) -> MapFn { return map_loop<F, decltype(e)>; }),
          kSimple};
}
template <class F>
MapSpec any_number(DType t, const MapByType& fast) {
  return kInteger.has(t) ? integer<F>(t) : floating_or_complex<F>(t, fast, kSimple);
}
template <class F>
MapSpec predicate(DType t) {
  return {
      visit_dtype<float, double>(t, [](auto e) -> MapFn { return map_loop<F, decltype(e), bool>; }),
      kSimple};
}

// Gradients of complex functions take the conjugate of the derivative: some of these ops form
// it, `TanhGrad` and `SigmoidGrad` want to be given that of the output.
template <class T>
T conjugate(const T& y) {
  if constexpr (is_complex<T>)
    return std::conj(y);
  else
    return y;
}
struct TanhGrad {
  template <class T>
  static T at(const T& y, const T& g) {
    return g * (T(1) - y * y);
  }
};
struct SigmoidGrad {
  template <class T>
  static T at(const T& y, const T& g) {
    return g * y * (T(1) - y);
  }
};
struct SqrtGrad {
  template <class T>
  static T at(const T& y, const T& g) {
    return g == T(0) ? T(0) : g * T(0.5) / conjugate(y);
  }
};
struct RsqrtGrad {
  template <class T>
  static T at(const T& y, const T& g) {
    const T c = conjugate(y);
    return g == T(0) ? T(0) : T(-0.5) * g * c * (c * c);
  }
};
struct ReciprocalGrad {
  template <class T>
  static T at(const T& y, const T& g) {
    const T c = conjugate(y);
    return g == T(0) ? T(0) : -g * c * c;
  }
};
template <class F>
PairSpec gradient(DType t, const ZipPair& fast) {
  if (t == DType::kFloat32) return {fast.f32};
  if (t == DType::kFloat64) return {fast.f64};
  return {visit_dtype<complex64, complex128>(
              t, [](auto e) -> ZipFn { return zip_both<F, decltype(e), decltype(e)>; }),
          4.0};
}

constexpr MapByType kNone{nullptr, nullptr};
const UnaryLoops& fast() { return vector_table().unary; }

// clang-format off
MapSpec abs_loop(DType t) { return kInteger.has(t) ? integer<Abs>(t) : floating<Abs>(t, fast().abs, kSimple); }
MapSpec neg_loop(DType t) { return any_number<Neg>(t, fast().neg); }
MapSpec sign_loop(DType t) { return any_number<Sign>(t, kNone); }
MapSpec square_loop(DType t) { return any_number<Square>(t, fast().square); }
MapSpec round_loop(DType t) { return kInteger.has(t) ? integer<Same>(t) : floating<Same>(t, fast().rint, kSimple); }
MapSpec floor_loop(DType t) { return floating<Same>(t, fast().floor, kSimple); }
MapSpec ceil_loop(DType t) { return floating<Same>(t, fast().ceil, kSimple); }
MapSpec exp_loop(DType t) { return floating_or_complex<Exp>(t, fast().exp); }
MapSpec expm1_loop(DType t) { return floating_or_complex<Expm1>(t, fast().expm1); }
MapSpec log_loop(DType t) { return floating_or_complex<Log>(t, fast().log); }
MapSpec log1p_loop(DType t) { return floating_or_complex<Log1p>(t, fast().log1p); }
MapSpec sqrt_loop(DType t) { return floating_or_complex<Sqrt>(t, fast().sqrt); }
MapSpec rsqrt_loop(DType t) { return floating_or_complex<Rsqrt>(t, fast().rsqrt); }
MapSpec reciprocal_loop(DType t) { return floating_or_complex<Reciprocal>(t, fast().reciprocal, kSimple); }
MapSpec sigmoid_loop(DType t) { return floating_or_complex<Sigmoid>(t, fast().sigmoid); }
MapSpec tanh_loop(DType t) { return floating_or_complex<Tanh>(t, fast().tanh); }
MapSpec sin_loop(DType t) { return floating_or_complex<Sin>(t, fast().sin, 1.5); }
MapSpec cos_loop(DType t) { return floating_or_complex<Cos>(t, fast().cos, 1.5); }
MapSpec tan_loop(DType t) { return floating_or_complex<Tan>(t, fast().tan, 1.5); }
MapSpec sinh_loop(DType t) { return floating_or_complex<Sinh>(t, fast().sinh, 1.5); }
MapSpec cosh_loop(DType t) { return floating_or_complex<Cosh>(t, fast().cosh, 1.5); }
MapSpec asin_loop(DType t) { return floating_or_complex<Asin>(t, kNone); }
MapSpec acos_loop(DType t) { return floating_or_complex<Acos>(t, kNone); }
MapSpec atan_loop(DType t) { return floating_or_complex<Atan>(t, kNone); }
MapSpec asinh_loop(DType t) { return floating_or_complex<Asinh>(t, kNone); }
MapSpec acosh_loop(DType t) { return floating_or_complex<Acosh>(t, kNone); }
MapSpec atanh_loop(DType t) { return floating_or_complex<Atanh>(t, kNone); }
MapSpec erf_loop(DType t) { return floating<Erf>(t, fast().erf, 2.5); }
MapSpec erfc_loop(DType t) { return floating<Erfc>(t, fast().erfc, 2.5); }
MapSpec is_finite_loop(DType t) { return predicate<IsFinite>(t); }
MapSpec is_nan_loop(DType t) { return predicate<IsNan>(t); }
MapSpec is_inf_loop(DType t) { return predicate<IsInf>(t); }
MapSpec not_loop(DType) { return {map_loop<LogicalNot, bool>, kSimple}; }
// clang-format on

const ActivationLoops& fast_gradients() { return vector_table().activation; }

PairSpec tanh_grad_loop(DType t) { return gradient<TanhGrad>(t, fast_gradients().tanh_grad); }
PairSpec sigmoid_grad_loop(DType t) {
  return gradient<SigmoidGrad>(t, fast_gradients().sigmoid_grad);
}
PairSpec sqrt_grad_loop(DType t) { return gradient<SqrtGrad>(t, fast_gradients().sqrt_grad); }
PairSpec rsqrt_grad_loop(DType t) { return gradient<RsqrtGrad>(t, fast_gradients().rsqrt_grad); }
PairSpec reciprocal_grad_loop(DType t) {
  return gradient<ReciprocalGrad>(t, fast_gradients().reciprocal_grad);
}

}  // namespace

void register_unary(KernelRegistry& r) {
  const DTypeSet signed_number = kFloating | kSignedInt | kComplex;
  const DTypeSet analytic = kFloating | kComplex;
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Abs", kFloating | kSignedInt, map<abs_loop>);
  add("Neg", signed_number, map<neg_loop>);
  add("Sign", signed_number, map<sign_loop>);
  add("Square", kNumber, map<square_loop>);
  add("Round", kFloating | kSignedInt, map<round_loop>);
  add("Rint", kFloating, map<round_loop>);
  add("Floor", kFloating, map<floor_loop>);
  add("Ceil", kFloating, map<ceil_loop>);
  add("Exp", analytic, map<exp_loop>);
  add("Expm1", analytic, map<expm1_loop>);
  add("Log", analytic, map<log_loop>);
  add("Log1p", analytic, map<log1p_loop>);
  add("Sqrt", analytic, map<sqrt_loop>);
  add("Rsqrt", analytic, map<rsqrt_loop>);
  add("Reciprocal", analytic, map<reciprocal_loop>);
  add("Inv", analytic, map<reciprocal_loop>);
  add("Sigmoid", analytic, map<sigmoid_loop>);
  add("Tanh", analytic, map<tanh_loop>);
  add("Sin", analytic, map<sin_loop>);
  add("Cos", analytic, map<cos_loop>);
  add("Tan", analytic, map<tan_loop>);
  add("Sinh", analytic, map<sinh_loop>);
  add("Cosh", analytic, map<cosh_loop>);
  add("Asin", analytic, map<asin_loop>);
  add("Acos", analytic, map<acos_loop>);
  add("Atan", analytic, map<atan_loop>);
  add("Asinh", analytic, map<asinh_loop>);
  add("Acosh", analytic, map<acosh_loop>);
  add("Atanh", analytic, map<atanh_loop>);
  add("Erf", kFloating, map<erf_loop>);
  add("Erfc", kFloating, map<erfc_loop>);
  add("IsFinite", kFloating, map<is_finite_loop>);
  add("IsNan", kFloating, map<is_nan_loop>);
  add("IsInf", kFloating, map<is_inf_loop>);
  add("TanhGrad", analytic, pair<tanh_grad_loop>);
  add("SigmoidGrad", analytic, pair<sigmoid_grad_loop>);
  add("SqrtGrad", analytic, pair<sqrt_grad_loop>);
  add("RsqrtGrad", analytic, pair<rsqrt_grad_loop>);
  add("ReciprocalGrad", analytic, pair<reciprocal_grad_loop>);
  add("InvGrad", analytic, pair<reciprocal_grad_loop>);
  r.add("LogicalNot", kCpu, {}, map<not_loop>);
}

}  // namespace penstock
