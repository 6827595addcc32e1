// Complex numbers taken apart and put together.
#include <cmath>
#include <complex>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"

namespace penstock {
namespace {

struct Conj {
  template <class T>
  static std::complex<T> at(const std::complex<T>& x) {
    return std::conj(x);
  }
};
struct Real {
  template <class T>
  static T at(const std::complex<T>& x) {
    return x.real();
  }
};
struct Imag {
  template <class T>
  static T at(const std::complex<T>& x) {
    return x.imag();
  }
};
struct ComplexAbs {
  template <class T>
  static T at(const std::complex<T>& x) {
    return std::abs(x);
  }
};
struct Angle {
  template <class T>
  static T at(const std::complex<T>& x) {
    return std::arg(x);
  }
};
struct Complex {
  template <class T>
  static std::complex<T> at(T real, T imag) {
    return {real, imag};
  }
};

template <class F>
MapSpec part(DType t, double cost) {
  if (t == DType::kComplex64) return {map_loop<F, complex64, float>, cost};
  return {map_loop<F, complex128, double>, cost};
}
MapSpec conj_loop(DType t) {
  if (t == DType::kComplex64) return {map_loop<Conj, complex64>, 0.5};
  return {map_loop<Conj, complex128>, 1.0};
}
MapSpec real_loop(DType t) { return part<Real>(t, 0.5); }
MapSpec imag_loop(DType t) { return part<Imag>(t, 0.5); }
MapSpec complex_abs_loop(DType t) { return part<ComplexAbs>(t, 6.0); }
MapSpec angle_loop(DType t) { return part<Angle>(t, 15.0); }
ZipSpec complex_loops(DType t) {
  if (t == DType::kFloat32) return {zip_loops<Complex, float, complex64>(), 0.5};
  return {zip_loops<Complex, double, complex128>(), 1.0};
}

// The attribute Tout must be the part (or the whole) that belongs to T.
template <KernelFactory factory>
std::unique_ptr<Kernel> checked(const NodeInfo& node) {
  const DType in = node.input_dtypes[0];
  const DType out = node.output_dtypes[0];
  const bool wide = in == DType::kComplex128 || in == DType::kFloat64;
  require(wide == (out == DType::kComplex128 || out == DType::kFloat64), "T = ", in,
          " and Tout = ", out, " do not belong together");
  return factory(node);
}

}  // namespace

void register_complex(KernelRegistry& r) {
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Conj", kComplex, map<conj_loop>);
  add("Real", kComplex, checked<map<real_loop>>);
  add("Imag", kComplex, checked<map<imag_loop>>);
  add("ComplexAbs", kComplex, checked<map<complex_abs_loop>>);
  add("Angle", kComplex, checked<map<angle_loop>>);
  add("Complex", kFloat2, checked<zip<complex_loops>>);
}

}  // namespace penstock
