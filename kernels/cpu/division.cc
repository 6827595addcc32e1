// Division and remainder.
//
// For integers a zero divisor is found before anything is computed and is the user's mistake; so
// is the smallest integer divided by -1, the one quotient that does not fit (its remainder is 0).
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

constexpr double kDivide = 0.5;
constexpr double kInteger64Divide = 5.0;
constexpr double kRemainder = 15.0;

template <class T>
T quotient(T x, T y) {
  if constexpr (std::is_signed_v<T>) {
    if (y == T(-1)) return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x));
  }
  return static_cast<T>(x / y);
}
template <class T>
T remainder(T x, T y) {
  if constexpr (std::is_signed_v<T>) {
    if (y == T(-1)) return T(0);
  }
  return static_cast<T>(x % y);
}

struct TruncateDiv {
  template <class T>
  static T at(T x, T y) {
    if constexpr (std::is_floating_point_v<T>)
      return std::trunc(x / y);
    else
      return quotient(x, y);
  }
};
struct FloorDiv {
  template <class T>
  static T at(T x, T y) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::floor(x / y);
    } else {
      const bool inexact = remainder(x, y) != 0;
      return static_cast<T>(quotient(x, y) - (inexact && ((x < 0) != (y < 0))));
    }
  }
};
struct TruncateMod {
  template <class T>
  static T at(T x, T y) {
    if constexpr (std::is_floating_point_v<T>)
      return std::fmod(x, y);
    else
      return remainder(x, y);
  }
};
struct FloorMod {
  template <class T>
  static T at(T x, T y) {
    const T r = TruncateMod::at(x, y);
    return r != 0 && ((r < 0) != (y < 0)) ? static_cast<T>(r + y) : r;
  }
};
struct Divide {
  template <class T>
  static T at(const T& x, const T& y) {
    return x / y;
  }
};
struct DivNoNan {
  template <class T>
  static T at(const T& x, const T& y) {
    return y == T(0) ? T(0) : x / y;
  }
};
struct Xdivy {
  template <class T>
  static T at(const T& x, const T& y) {
    return x == T(0) ? T(0) : x / y;
  }
};

template <class T>
void require_no_zero(const Tensor&, const Tensor& y) {
  const T* divisors = y.data<T>();
  for (int64_t i = 0, n = y.num_elements(); i < n; ++i) {
    require(divisors[i] != 0, "integer division by zero: element ", i, " of y");
  }
}

// The element of `in` that element i of a broadcast to `out` reads.
int64_t broadcast_index(int64_t i, const Shape& out, const Shape& in) {
  int64_t index = 0, stride = 1;
  for (int d = in.rank() - 1, o = out.rank() - 1; d >= 0; --d, --o) {
    if (in[d] != 1) index += i % out[o] * stride;
    stride *= in[d];
    i /= out[o];
  }
  return index;
}

// Also refuses quotients that do not fit. The search for pairs is for inputs that have both halves.
template <class T>
void require_quotients(const Tensor& x, const Tensor& y) {
  require_no_zero<T>(x, y);
  if constexpr (std::is_signed_v<T>) {
    constexpr T kLeast = std::numeric_limits<T>::min();
    const T *dividends = x.data<T>(), *divisors = y.data<T>();
    const T* const last = divisors + y.num_elements();
    if (std::find(divisors, last, T(-1)) == last) return;
    if (std::find(dividends, dividends + x.num_elements(), kLeast) ==
        dividends + x.num_elements()) {
      return;
    }
    const Shape out = broadcast_shapes(x.shape(), y.shape());
    for (int64_t i = 0, n = out.num_elements(); i < n; ++i) {
      const bool least = dividends[broadcast_index(i, out, x.shape())] == kLeast;
      require(!least || divisors[broadcast_index(i, out, y.shape())] != T(-1),
              "integer overflow: ", +kLeast, " / -1 does not fit ", x.dtype(), ", element ", i,
              " of the result");
    }
  }
}

template <class F, bool quotient>
ZipSpec integer(DType t) {
  return visit_dtype<int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t, uint64_t>(
      t, [](auto e) -> ZipSpec {
        using T = decltype(e);
        return {zip_loops<F, T>(), sizeof(T) == 8 ? kInteger64Divide : 2.0,
                quotient ? require_quotients<T> : require_no_zero<T>};
      });
}
template <class F>
ZipSpec floating(DType t, double cost) {
  return visit_dtype<float, double>(t, [cost](auto e) -> ZipSpec {
    return {zip_loops<F, decltype(e)>(), cost};
  });
}
template <class F>
ZipSpec floating_or_complex(DType t) {
  return visit_dtype<float, double, complex64, complex128>(t, [](auto e) -> ZipSpec {
    return {zip_loops<F, decltype(e)>(), kDivide};
  });
}

ZipSpec real_div_loops(DType t) {
  const ZipByType& fast = vector_table().binary.div;
  if (t == DType::kFloat32) return {fast.f32, kDivide};
  if (t == DType::kFloat64) return {fast.f64, 2 * kDivide};
  return visit_dtype<complex64, complex128>(t, [](auto e) -> ZipSpec {
    return {zip_loops<Divide, decltype(e)>(), 4.0};
  });
}
ZipSpec truncate_div_loops(DType t) {
  return kInteger.has(t) ? integer<TruncateDiv, true>(t) : floating<TruncateDiv>(t, 2.0);
}
ZipSpec div_loops(DType t) {
  return kInteger.has(t) ? integer<TruncateDiv, true>(t) : real_div_loops(t);
}
ZipSpec floor_div_loops(DType t) {
  return kInteger.has(t) ? integer<FloorDiv, true>(t) : floating<FloorDiv>(t, 2.0);
}
ZipSpec floor_mod_loops(DType t) {
  return kInteger.has(t) ? integer<FloorMod, false>(t) : floating<FloorMod>(t, kRemainder);
}
ZipSpec truncate_mod_loops(DType t) {
  return kInteger.has(t) ? integer<TruncateMod, false>(t) : floating<TruncateMod>(t, kRemainder);
}
ZipSpec div_no_nan_loops(DType t) { return floating_or_complex<DivNoNan>(t); }
ZipSpec xdivy_loops(DType t) { return floating_or_complex<Xdivy>(t); }

}  // namespace

void register_division(KernelRegistry& r) {
  const DTypeSet analytic = kFloating | kComplex;
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Div", kNumber, zip<div_loops>);
  add("RealDiv", analytic, zip<real_div_loops>);
  add("TruncateDiv", kReal, zip<truncate_div_loops>);
  add("FloorDiv", kReal, zip<floor_div_loops>);
  add("FloorMod", kReal, zip<floor_mod_loops>);
  add("Mod", kFloating | kIndex, zip<truncate_mod_loops>);
  add("TruncateMod", kFloating | kIndex, zip<truncate_mod_loops>);
  add("DivNoNan", analytic, zip<div_no_nan_loops>);
  add("Xdivy", analytic, zip<xdivy_loops>);
}

}  // namespace penstock
