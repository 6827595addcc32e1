// Arithmetic of two operands with broadcasting, and logic. Division is a file of its own.
//
// Integers wrap around: they are computed as unsigned numbers, so signed and unsigned dtypes of
// one size share a loop.
#include <cmath>
#include <complex>
#include <string>

#include "cpu/broadcast.h"
#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

constexpr double kSimple = 0.3;
constexpr double kLibrary = 10.0;

// Small integers are promoted by C++ to int, in which a product of two uint16 overflows.
template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;

struct Add {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(Wide<T>(x) + Wide<T>(y));
  }
};
struct Sub {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(Wide<T>(x) - Wide<T>(y));
  }
};
struct Mul {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(Wide<T>(x) * Wide<T>(y));
  }
};
struct SquaredDifference {
  template <class T>
  static T at(const T& x, const T& y) {
    const Wide<T> d = Wide<T>(x) - Wide<T>(y);
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(d * d);
    else
      return std::conj(d) * d;
  }
};
struct Maximum {
  template <class T>
  static T at(T x, T y) {
    return x > y ? x : y;
  }
};
struct Minimum {
  template <class T>
  static T at(T x, T y) {
    return x < y ? x : y;
  }
};
struct MulNoNan {
  template <class T>
  static T at(const T& x, const T& y) {
    return y == T(0) ? T(0) : x * y;
  }
};
struct Xlogy {
  template <class T>
  static T at(const T& x, const T& y) {
    return x == T(0) ? T(0) : x * std::log(y);
  }
};
struct Atan2 {
  template <class T>
  static T at(T y, T x) {
    return std::atan2(y, x);
  }
};
struct LogicalAnd {
  static bool at(bool x, bool y) { return x & y; }
};
struct LogicalOr {
  static bool at(bool x, bool y) { return x | y; }
};
struct Pow {
  template <class T>
  static T at(const T& x, const T& y) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(power(static_cast<uint64_t>(x), static_cast<uint64_t>(y)));
    } else {
      return std::pow(x, y);
    }
  }
  static uint64_t power(uint64_t base, uint64_t exponent) {
    uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
      if (exponent & 1u) result *= base;
      base *= base;
    }
    return result;
  }
};

// Loops whose results have the same bits for signed and unsigned integers.
template <class F>
ZipSpec wrapping(DType t, const ZipByType& fast) {
  switch (t) {
    case DType::kFloat32:
      return {fast.f32, kSimple};
    case DType::kFloat64:
      return {fast.f64, 2 * kSimple};
    case DType::kInt32:
    case DType::kUInt32:
      return {fast.i32, kSimple};
    case DType::kInt64:
    case DType::kUInt64:
      return {fast.i64, 2 * kSimple};
    case DType::kInt8:
    case DType::kUInt8:
      return {zip_loops<F, uint8_t>(), kSimple};
    case DType::kInt16:
    case DType::kUInt16:
      return {zip_loops<F, uint16_t>(), kSimple};
    default:
      return visit_dtype<complex64, complex128>(t, [](auto e) -> ZipSpec {
        return {zip_loops<F, decltype(e)>(), 1.5};
      });
  }
}
template <class F>
ZipSpec ordered(DType t, const ZipByType& fast) {
  if (t == DType::kFloat32) return {fast.f32, kSimple};
  if (t == DType::kFloat64) return {fast.f64, 2 * kSimple};
  if (t == DType::kInt32) return {fast.i32, kSimple};
  if (t == DType::kInt64) return {fast.i64, 2 * kSimple};
  return visit_dtype<int8_t, uint8_t, int16_t, uint16_t, uint32_t, uint64_t>(
      t, [](auto e) -> ZipSpec {
        return {zip_loops<F, decltype(e)>(), kSimple};
      });
}
template <class F, class... Ts>
ZipSpec portable(DType t, double cost) {
  return visit_dtype<Ts...>(t, [cost](auto e) -> ZipSpec {
    return {zip_loops<F, decltype(e)>(), cost};
  });
}

const BinaryLoops& fast() { return vector_table().binary; }

ZipSpec add_loops(DType t) { return wrapping<Add>(t, fast().add); }
ZipSpec sub_loops(DType t) { return wrapping<Sub>(t, fast().sub); }
ZipSpec mul_loops(DType t) { return wrapping<Mul>(t, fast().mul); }
ZipSpec squared_difference_loops(DType t) {
  return wrapping<SquaredDifference>(t, fast().squared_difference);
}
ZipSpec maximum_loops(DType t) { return ordered<Maximum>(t, fast().maximum); }
ZipSpec minimum_loops(DType t) { return ordered<Minimum>(t, fast().minimum); }
ZipSpec mul_no_nan_loops(DType t) {
  return portable<MulNoNan, float, double, complex64, complex128>(t, kSimple);
}
ZipSpec xlogy_loops(DType t) {
  return portable<Xlogy, float, double, complex64, complex128>(t, kLibrary);
}
ZipSpec atan2_loops(DType t) { return portable<Atan2, float, double>(t, kLibrary); }
ZipSpec and_loops(DType) { return {zip_loops<LogicalAnd, bool>(), kSimple}; }
ZipSpec or_loops(DType) { return {zip_loops<LogicalOr, bool>(), kSimple}; }

template <class T>
void require_no_negative_exponent(const Tensor&, const Tensor& y) {
  const T* exponents = y.data<T>();
  for (int64_t i = 0, n = y.num_elements(); i < n; ++i) {
    require(exponents[i] >= 0, "integers to negative integer powers are not allowed: exponent ",
            static_cast<int64_t>(exponents[i]), " at element ", i, " of y; cast to float first");
  }
}

ZipSpec pow_loops(DType t) {
  if (t == DType::kFloat32) return {fast().pow_f32, 4.0};
  if (kInteger.has(t)) {
    return visit_dtype<int32_t, int64_t, int8_t, int16_t>(t, [](auto e) -> ZipSpec {
      using T = decltype(e);
      return {zip_loops<Pow, T>(), kLibrary, require_no_negative_exponent<T>};
    });
  }
  return portable<Pow, double, complex64, complex128>(t, 4 * kLibrary);
}

void concatenate_strings(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& y = ctx.input(1);
  Tensor& z = ctx.allocate_output(0, broadcast_shapes(x.shape(), y.shape()));
  if (z.num_elements() == 0) return;
  const Broadcast broadcast({&x.shape(), &y.shape()}, z.shape());
  const int64_t* step = broadcast.stride[broadcast.rank - 1];
  const std::string* a = x.data<std::string>();
  const std::string* b = y.data<std::string>();
  std::string* c = z.mutable_data<std::string>();
  broadcast.for_rows(0, z.num_elements(), [&](const int64_t* offset, int64_t at, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      c[at + i] = a[offset[0] + i * step[0]] + b[offset[1] + i * step[1]];
    }
  });
}

}  // namespace

void register_binary(KernelRegistry& r) {
  const DTypeSet analytic = kFloating | kComplex;
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Add", kNumber, zip<add_loops>);
  add("Add", DType::kString, function<concatenate_strings>);
  add("AddV2", kNumber, zip<add_loops>);
  add("Sub", kNumber, zip<sub_loops>);
  add("Mul", kNumber, zip<mul_loops>);
  add("SquaredDifference", kNumber, zip<squared_difference_loops>);
  add("Maximum", kReal, zip<maximum_loops>);
  add("Minimum", kReal, zip<minimum_loops>);
  add("MulNoNan", analytic, zip<mul_no_nan_loops>);
  add("Xlogy", analytic, zip<xlogy_loops>);
  add("Atan2", kFloating, zip<atan2_loops>);
  add("Pow", kFloating | kSignedInt | kComplex, zip<pow_loops>);
  r.add("LogicalAnd", kCpu, {}, zip<and_loops>);
  r.add("LogicalOr", kCpu, {}, zip<or_loops>);
}

}  // namespace penstock
