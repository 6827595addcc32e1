// Optimizer updates, element by element, for floats (the vector file) and complex numbers.
//
// An update is a struct with `at(slots of element i, gradient, scalars)`; slots are references,
// so an update writes where it read. A file for other element types declares their `root`
// before it includes this. Everything is in an anonymous namespace: see loop_types.h.
#pragma once

#include "cpu/vector/training.h"

namespace penstock {
namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

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

// Each as a pair of loops, for the elements A and B.
template <class F, int count, class A, class B>
constexpr UpdateByType no_slot() {
  return {update_var<F, A, count>, update_var<F, B, count>};
}
template <class F, int count, class A, class B>
constexpr UpdateByType one_slot() {
  return {update_one_slot<F, A, count>, update_one_slot<F, B, count>};
}
template <class F, int count, class A, class B>
constexpr UpdateByType two_slots() {
  return {update_two_slots<F, A, count>, update_two_slots<F, B, count>};
}
template <class F, int count, class A, class B>
constexpr UpdateByType three_slots() {
  return {update_three_slots<F, A, count>, update_three_slots<F, B, count>};
}

// Every update that needs no order between numbers.
template <class A, class B>
void fill_updates(TrainingLoops& loops) {
  loops.gradient_descent = no_slot<GradientDescent, 1, A, B>();
  loops.momentum = one_slot<Momentum, 2, A, B>();
  loops.momentum_nesterov = one_slot<MomentumNesterov, 2, A, B>();
  loops.keras_momentum = one_slot<KerasMomentum, 2, A, B>();
  loops.keras_momentum_nesterov = one_slot<KerasMomentumNesterov, 2, A, B>();
  loops.adagrad = one_slot<Adagrad, 2, A, B>();
  loops.adagrad_frozen = one_slot<AdagradFrozen, 2, A, B>();
  loops.adam = two_slots<Adam, 4, A, B>();
  loops.adam_nesterov = two_slots<AdamNesterov, 4, A, B>();
  loops.rms_prop = two_slots<RmsProp, 4, A, B>();
  loops.centered_rms_prop = three_slots<CenteredRmsProp, 4, A, B>();
  loops.adadelta = two_slots<Adadelta, 3, A, B>();
}

}  // namespace
}  // namespace penstock
