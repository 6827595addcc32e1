// Optimizer updates, element by element. See table.h for how this file is compiled.
//
// An update is a struct with `at(slots of element i, gradient, scalars)`; `update_loop` lifts
// it to arrays. Slots are references, so an update writes where it read.
#include "cpu/vector/training.h"

namespace penstock::PENSTOCK_ISA {
namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }
inline float power(float x, float y) { return __builtin_powf(x, y); }
inline double power(double x, double y) { return __builtin_pow(x, y); }

struct GradientDescent {
  template <class T>
  static void at(T& var, T g, const T* s) {
    var -= s[0] * g;
  }
};

struct Momentum {
  template <class T>
  static void at(T& var, T& accum, T g, const T* s) {
    accum = accum * s[1] + g;
    var -= accum * s[0];
  }
};
struct MomentumNesterov {
  template <class T>
  static void at(T& var, T& accum, T g, const T* s) {
    accum = accum * s[1] + g;
    var -= g * s[0] + accum * s[1] * s[0];
  }
};
struct KerasMomentum {
  template <class T>
  static void at(T& var, T& accum, T g, const T* s) {
    accum = accum * s[1] - g * s[0];
    var += accum;
  }
};
struct KerasMomentumNesterov {
  template <class T>
  static void at(T& var, T& accum, T g, const T* s) {
    accum = accum * s[1] - g * s[0];
    var += accum * s[1] - g * s[0];
  }
};

struct Adagrad {
  template <class T>
  static void at(T& var, T& accum, T g, const T* s) {
    accum += g * g;
    var -= s[0] * g / (root(accum) + s[1]);
  }
};
struct AdagradFrozen {
  template <class T>
  static void at(T& var, const T& accum, T g, const T* s) {
    var -= s[0] * g / (root(accum) + s[1]);
  }
};

struct Adam {
  template <class T>
  static void at(T& var, T& m, T& v, T g, const T* s) {
    m += (g - m) * s[1];
    v += (g * g - v) * s[2];
    var -= m * s[0] / (root(v) + s[3]);
  }
};
struct AdamNesterov {
  template <class T>
  static void at(T& var, T& m, T& v, T g, const T* s) {
    m += (g - m) * s[1];
    v += (g * g - v) * s[2];
    var -= (g * s[1] + m * (T(1) - s[1])) * s[0] / (root(v) + s[3]);
  }
};

struct RmsProp {
  template <class T>
  static void at(T& var, T& ms, T& mom, T g, const T* s) {
    ms += (g * g - ms) * (T(1) - s[1]);
    mom = mom * s[2] + g * s[0] / root(ms + s[3]);
    var -= mom;
  }
};
struct CenteredRmsProp {
  template <class T>
  static void at(T& var, T& mg, T& ms, T& mom, T g, const T* s) {
    ms += (g * g - ms) * (T(1) - s[1]);
    mg += (g - mg) * (T(1) - s[1]);
    mom = mom * s[2] + g * s[0] / root(ms - mg * mg + s[3]);
    var -= mom;
  }
};

struct Adadelta {
  template <class T>
  static void at(T& var, T& accum, T& accum_update, T g, const T* s) {
    accum = accum * s[1] + g * g * (T(1) - s[1]);
    const T update = root(accum_update + s[2]) / root(accum + s[2]) * g;
    accum_update = accum_update * s[1] + update * update * (T(1) - s[1]);
    var -= update * s[0];
  }
};

// accum^p, where p is nearly always one half.
template <class T>
T accum_power(T accum, T p) {
  return p == T(0.5) ? root(accum) : power(accum, p);
}

struct Ftrl {
  template <class T>
  static void at(T& var, T& accum, T& linear, T g, const T* s) {
    const T grown = accum + g * g;
    const T strength = accum_power(grown, s[4]);
    const T shrunk = g + s[3] * var;
    linear += shrunk - (strength - accum_power(accum, s[4])) / s[0] * var;
    const T pull = linear > 0 ? s[1] - linear : -s[1] - linear;
    const T size = linear > 0 ? linear : -linear;
    var = size > s[1] ? pull / (strength / s[0] + s[2]) : T(0);
    accum = grown;
  }
};
struct FtrlByLr {
  template <class T>
  static void at(T& var, T& accum, T& linear, T g, const T* s) {
    const T grown = accum + g * g;
    const T strength = accum_power(grown, s[4]);
    const T shrunk = g + s[3] * var, limit = s[1] * s[0];
    linear += shrunk * s[0] - (strength - accum_power(accum, s[4])) * var;
    const T pull = linear > 0 ? limit - linear : -limit - linear;
    const T size = linear > 0 ? linear : -linear;
    var = size > limit ? pull / (strength + s[2] * s[0]) : T(0);
    accum = grown;
  }
};

constexpr int kMaxScalars = 5;

template <class T>
struct Scalars {
  T value[kMaxScalars];
  Scalars(const double* from, int count) {
    for (int i = 0; i < count; ++i) value[i] = static_cast<T>(from[i]);
  }
};

template <class F, class T, int count>
void update_var(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  const T* g = static_cast<const T*>(grad);
  const Scalars<T> s(scalars, count);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) F::at(var[i], g[i], s.value);
}

template <class F, class T, int count>
void update_one_slot(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  T* a = static_cast<T*>(variables[1]);
  const T* g = static_cast<const T*>(grad);
  const Scalars<T> s(scalars, count);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) F::at(var[i], a[i], g[i], s.value);
}

template <class F, class T, int count>
void update_two_slots(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  T* a = static_cast<T*>(variables[1]);
  T* b = static_cast<T*>(variables[2]);
  const T* g = static_cast<const T*>(grad);
  const Scalars<T> s(scalars, count);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) F::at(var[i], a[i], b[i], g[i], s.value);
}

template <class F, class T, int count>
void update_three_slots(void* const* variables, const void* grad, const double* scalars,
                        int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  T* a = static_cast<T*>(variables[1]);
  T* b = static_cast<T*>(variables[2]);
  T* c = static_cast<T*>(variables[3]);
  const T* g = static_cast<const T*>(grad);
  const Scalars<T> s(scalars, count);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) F::at(var[i], a[i], b[i], c[i], g[i], s.value);
}

template <class F, int count>
constexpr UpdateByType one_slot() {
  return {update_one_slot<F, float, count>, update_one_slot<F, double, count>};
}
template <class F, int count>
constexpr UpdateByType two_slots() {
  return {update_two_slots<F, float, count>, update_two_slots<F, double, count>};
}

}  // namespace

void fill(TrainingLoops& loops);
void fill(TrainingLoops& loops) {
  loops.gradient_descent = {update_var<GradientDescent, float, 1>,
                            update_var<GradientDescent, double, 1>};
  loops.momentum = one_slot<Momentum, 2>();
  loops.momentum_nesterov = one_slot<MomentumNesterov, 2>();
  loops.keras_momentum = one_slot<KerasMomentum, 2>();
  loops.keras_momentum_nesterov = one_slot<KerasMomentumNesterov, 2>();
  loops.adagrad = one_slot<Adagrad, 2>();
  loops.adagrad_frozen = one_slot<AdagradFrozen, 2>();
  loops.adam = two_slots<Adam, 4>();
  loops.adam_nesterov = two_slots<AdamNesterov, 4>();
  loops.rms_prop = two_slots<RmsProp, 4>();
  loops.centered_rms_prop = {update_three_slots<CenteredRmsProp, float, 4>,
                             update_three_slots<CenteredRmsProp, double, 4>};
  loops.adadelta = two_slots<Adadelta, 3>();
  loops.ftrl = two_slots<Ftrl, 5>();
  loops.ftrl_by_lr = two_slots<FtrlByLr, 5>();
}

}  // namespace penstock::PENSTOCK_ISA
