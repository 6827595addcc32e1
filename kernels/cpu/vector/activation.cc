// Vectorised activations and their gradients. See table.h for how this file is compiled.
#include "cpu/vector/activation.h"

#include "cpu/vector/exp_log_f32.h"
#include "cpu/vector/exp_log_f64.h"
#include "cpu/vector/shapes.h"

namespace penstock::PENSTOCK_ISA {
namespace {

inline float exp_of(float x) { return exp_f32(x); }
inline double exp_of(double x) { return exp_f64(x); }
inline float expm1_of(float x) { return expm1_f32(x); }
inline double expm1_of(double x) { return expm1_f64(x); }
inline float sigmoid_of(float x) { return sigmoid_f32(x); }
inline double sigmoid_of(double x) { return sigmoid_f64(x); }
inline float absolute(float x) { return __builtin_fabsf(x); }
inline double absolute(double x) { return __builtin_fabs(x); }

constexpr double kSeluScale = 1.0507009873554805;
constexpr double kSeluScaleAlpha = 1.7580993408473766;

// Comparisons are written so that a NaN comes out as a NaN.
struct Relu {
  template <class T>
  static T at(T x) {
    return x < T(0) ? T(0) : x;
  }
};
struct Relu6 {
  template <class T>
  static T at(T x) {
    const T y = x < T(0) ? T(0) : x;
    return y > T(6) ? T(6) : y;
  }
};
struct Elu {
  template <class T>
  static T at(T x) {
    const T below = expm1_of(x > T(0) ? T(0) : x);
    return x > T(0) ? x : below;
  }
};
struct Selu {
  template <class T>
  static T at(T x) {
    const T below = T(kSeluScaleAlpha) * expm1_of(x > T(0) ? T(0) : x);
    return x > T(0) ? T(kSeluScale) * x : below;
  }
};
struct Softplus {
  static float at(float x) { return softplus_f32(x); }
};
struct Softsign {
  template <class T>
  static T at(T x) {
    return x / (T(1) + absolute(x));
  }
};

// An infinite or undefined gradient stays undefined where the slope is zero.
struct ReluGrad {
  template <class T>
  static T at(T g, T x) {
    return g * T(x > T(0));
  }
};
struct Relu6Grad {
  template <class T>
  static T at(T g, T x) {
    return g * T((x > T(0)) & (x < T(6)));
  }
};
struct EluGrad {
  template <class T>
  static T at(T g, T y) {
    return y < T(0) ? (y + T(1)) * g : g;
  }
};
struct SeluGrad {
  template <class T>
  static T at(T g, T y) {
    return (y < T(0) ? y + T(kSeluScaleAlpha) : T(kSeluScale)) * g;
  }
};
struct SoftplusGrad {
  template <class T>
  static T at(T g, T x) {
    return g * sigmoid_of(x);
  }
};
struct SoftsignGrad {
  template <class T>
  static T at(T g, T x) {
    const T d = T(1) + absolute(x);
    return g / (d * d);
  }
};
struct TanhGrad {
  template <class T>
  static T at(T y, T g) {
    return g * (T(1) - y * y);
  }
};
struct SigmoidGrad {
  template <class T>
  static T at(T y, T g) {
    return g * y * (T(1) - y);
  }
};
// No slope, however steep, makes something of a gradient of zero.
struct SqrtGrad {
  template <class T>
  static T at(T y, T g) {
    return g == T(0) ? T(0) : g * T(0.5) / y;
  }
};
struct RsqrtGrad {
  template <class T>
  static T at(T y, T g) {
    return g == T(0) ? T(0) : T(-0.5) * g * y * (y * y);
  }
};
struct ReciprocalGrad {
  template <class T>
  static T at(T y, T g) {
    return g == T(0) ? T(0) : -g * y * y;
  }
};

template <class T>
void leaky_relu(const void* x, double alpha, void* y, int64_t n) {
  const T* a = static_cast<const T*>(x);
  T* b = static_cast<T*>(y);
  const T slope = static_cast<T>(alpha);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) b[i] = a[i] > T(0) ? a[i] : slope * a[i];
}

template <class T>
void leaky_relu_grad(const void* g, const void* x, double alpha, void* z, int64_t n) {
  const T* a = static_cast<const T*>(g);
  const T* b = static_cast<const T*>(x);
  T* c = static_cast<T*>(z);
  const T slope = static_cast<T>(alpha);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = b[i] > T(0) ? a[i] : slope * a[i];
}

template <class F>
ZipPair pair() {
  return {zip_both<F, float, float>, zip_both<F, double, double>};
}

}  // namespace

void fill(ActivationLoops& loops);
void fill(ActivationLoops& loops) {
  loops.relu = map_by_type<Relu>();
  loops.relu6 = map_by_type<Relu6>();
  loops.elu = map_by_type<Elu>();
  loops.selu = map_by_type<Selu>();
  loops.softplus = {map_loop<Softplus, float>, nullptr};
  loops.softsign = map_by_type<Softsign>();
  loops.leaky_relu_f32 = leaky_relu<float>;
  loops.leaky_relu_f64 = leaky_relu<double>;
  loops.leaky_relu_grad_f32 = leaky_relu_grad<float>;
  loops.leaky_relu_grad_f64 = leaky_relu_grad<double>;
  loops.relu_grad = pair<ReluGrad>();
  loops.relu6_grad = pair<Relu6Grad>();
  loops.elu_grad = pair<EluGrad>();
  loops.selu_grad = pair<SeluGrad>();
  loops.softplus_grad = pair<SoftplusGrad>();
  loops.softsign_grad = pair<SoftsignGrad>();
  loops.tanh_grad = pair<TanhGrad>();
  loops.sigmoid_grad = pair<SigmoidGrad>();
  loops.sqrt_grad = pair<SqrtGrad>();
  loops.rsqrt_grad = pair<RsqrtGrad>();
  loops.reciprocal_grad = pair<ReciprocalGrad>();
}

}  // namespace penstock::PENSTOCK_ISA
