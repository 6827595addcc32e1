// Vectorised functions of one operand. See table.h for how this file is compiled.
#include "cpu/vector/unary.h"

#include "cpu/vector/exp_log_f32.h"
#include "cpu/vector/exp_log_f64.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/special_f32.h"

namespace penstock::PENSTOCK_ISA {
namespace {

struct Abs {
  static float at(float x) { return __builtin_fabsf(x); }
  static double at(double x) { return __builtin_fabs(x); }
};
struct Neg {
  template <class T>
  static T at(T x) {
    return -x;
  }
};
struct Reciprocal {
  template <class T>
  static T at(T x) {
    return T(1) / x;
  }
};
struct Square {
  template <class T>
  static T at(T x) {
    return x * x;
  }
};
struct Sqrt {
  static float at(float x) { return __builtin_sqrtf(x); }
  static double at(double x) { return __builtin_sqrt(x); }
};
struct Floor {
  static float at(float x) { return __builtin_floorf(x); }
  static double at(double x) { return __builtin_floor(x); }
};
struct Ceil {
  static float at(float x) { return __builtin_ceilf(x); }
  static double at(double x) { return __builtin_ceil(x); }
};
struct Rint {
  static float at(float x) { return __builtin_rintf(x); }
  static double at(double x) { return __builtin_rint(x); }
};
struct Rsqrt {
  static float at(float x) { return 1.0f / __builtin_sqrtf(x); }
  static double at(double x) { return 1.0 / __builtin_sqrt(x); }
};

// A loop for a function of float32 or float64.
template <float (*f)(float)>
struct F32 {
  static float at(float x) { return f(x); }
};
template <double (*f)(double)>
struct F64 {
  static double at(double x) { return f(x); }
};
template <float (*f)(float)>
MapByType only_f32() {
  return {map_loop<F32<f>, float>, nullptr};
}
template <float (*f)(float), double (*g)(double)>
MapByType both() {
  return {map_loop<F32<f>, float>, map_loop<F64<g>, double>};
}

// sin, cos, tan: a block with an angle too large for the fast reduction (or a NaN) is left to
// the C library, element by element.
template <float (*fast)(float), float (*exact)(float)>
void angle_loop(const void* x, void* y, int64_t n) {
  const float* a = static_cast<const float*>(x);
  float* b = static_cast<float*>(y);
  constexpr int64_t kBlock = 256;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = begin + kBlock < n ? begin + kBlock : n;
    int32_t large = 0;
    for (int64_t i = begin; i < end; ++i) large += !(__builtin_fabsf(a[i]) <= kLargestAngle);
    if (large == 0) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) b[i] = fast(a[i]);
    } else {
      for (int64_t i = begin; i < end; ++i) b[i] = exact(a[i]);
    }
  }
}
float libm_sin(float x) { return __builtin_sinf(x); }
float libm_cos(float x) { return __builtin_cosf(x); }
float libm_tan(float x) { return __builtin_tanf(x); }

}  // namespace

void fill(UnaryLoops& loops);
void fill(UnaryLoops& loops) {
  loops.abs = map_by_type<Abs>();
  loops.neg = map_by_type<Neg>();
  loops.reciprocal = map_by_type<Reciprocal>();
  loops.square = map_by_type<Square>();
  loops.sqrt = map_by_type<Sqrt>();
  loops.floor = map_by_type<Floor>();
  loops.ceil = map_by_type<Ceil>();
  loops.rint = map_by_type<Rint>();
  loops.rsqrt = map_by_type<Rsqrt>();
  loops.exp = both<exp_f32, exp_f64>();
  loops.expm1 = both<expm1_f32, expm1_f64>();
  loops.log = both<log_f32, log_f64>();
  loops.log1p = only_f32<log1p_f32>();
  loops.tanh = both<tanh_f32, tanh_f64>();
  loops.sigmoid = both<sigmoid_f32, sigmoid_f64>();
  loops.sinh = only_f32<sinh_f32>();
  loops.cosh = only_f32<cosh_f32>();
  loops.sin = {angle_loop<sin_f32, libm_sin>, nullptr};
  loops.cos = {angle_loop<cos_f32, libm_cos>, nullptr};
  loops.tan = {angle_loop<tan_f32, libm_tan>, nullptr};
  loops.erf = only_f32<erf_f32>();
  loops.erfc = only_f32<erfc_f32>();
}

}  // namespace penstock::PENSTOCK_ISA
