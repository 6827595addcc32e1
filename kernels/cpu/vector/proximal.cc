// Proximal updates, element by element. See table.h for how this file is compiled.
#include "cpu/vector/proximal.h"

namespace penstock::PENSTOCK_ISA {
namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// x moved towards zero by `amount`, at most to zero.
template <class T>
T shrunk(T x, T amount) {
  const T size = x < 0 ? -x : x;
  const T rest = size < amount ? T(0) : size - amount;
  return x < 0 ? -rest : rest;
}

// var; alpha, l1, l2
template <class T>
void descend(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  const T* g = static_cast<const T*>(grad);
  const T alpha = static_cast<T>(scalars[0]), limit = static_cast<T>(scalars[1]) * alpha;
  const T scale = T(1) + static_cast<T>(scalars[2]) * alpha;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) var[i] = shrunk(var[i] - alpha * g[i], limit) / scale;
}

// var, accum; lr, l1, l2
template <class T>
void adagrad(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  T* accum = static_cast<T*>(variables[1]);
  const T* g = static_cast<const T*>(grad);
  const T lr = static_cast<T>(scalars[0]), l1 = static_cast<T>(scalars[1]);
  const T l2 = static_cast<T>(scalars[2]);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    accum[i] += g[i] * g[i];
    const T rate = lr / root(accum[i]);
    var[i] = shrunk(var[i] - rate * g[i], l1 * rate) / (T(1) + l2 * rate);
  }
}

// var, sum, squares; lr, l1, l2, step
template <class T>
void adagrad_da(void* const* variables, const void* grad, const double* scalars, int64_t n) {
  T* var = static_cast<T*>(variables[0]);
  T* sum = static_cast<T*>(variables[1]);
  T* squares = static_cast<T*>(variables[2]);
  const T* g = static_cast<const T*>(grad);
  const T lr = static_cast<T>(scalars[0]), step = static_cast<T>(scalars[3]);
  const T limit = static_cast<T>(scalars[1]) * step;
  const T floor = static_cast<T>(scalars[2]) * lr * step;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    sum[i] += g[i];
    squares[i] += g[i] * g[i];
    var[i] = -lr * shrunk(sum[i], limit) / (floor + root(squares[i]));
  }
}

}  // namespace

void fill(ProximalLoops& loops);
void fill(ProximalLoops& loops) {
  loops.gradient_descent = {descend<float>, descend<double>};
  loops.adagrad = {adagrad<float>, adagrad<double>};
  loops.adagrad_da = {adagrad_da<float>, adagrad_da<double>};
}

}  // namespace penstock::PENSTOCK_ISA
