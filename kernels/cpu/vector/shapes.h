// The loops over contiguous arrays, for the vector files and for portable kernels: they lift
// a scalar functor.
//
// A functor is a struct with `template <class T> static T at(...)`, branch-free so that the
// compiler turns the loop into vector instructions. `ivdep` says that element i depends on
// element i only, which stays true when the output is an input's own memory.
// Everything is in an anonymous namespace: see loop_types.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {
namespace {

template <class F, class T, class Y = T>
void map_loop(const void* x, void* y, int64_t n) {
  const T* a = static_cast<const T*>(x);
  Y* b = static_cast<Y*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) b[i] = F::at(a[i]);
}

template <class F>
constexpr MapByType map_by_type() {
  return {map_loop<F, float>, map_loop<F, double>};
}

template <class F, class T, class Z>
void zip_both(const void* x, const void* y, void* z, int64_t n) {
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  Z* c = static_cast<Z*>(z);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = F::at(a[i], b[i]);
}

template <class F, class T, class Z>
void zip_x_only(const void* x, const void* y, void* z, int64_t n) {
  const T* a = static_cast<const T*>(x);
  const T b = *static_cast<const T*>(y);
  Z* c = static_cast<Z*>(z);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = F::at(a[i], b);
}

template <class F, class T, class Z>
void zip_y_only(const void* x, const void* y, void* z, int64_t n) {
  const T a = *static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  Z* c = static_cast<Z*>(z);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = F::at(a, b[i]);
}

template <class F, class T, class Z = T>
constexpr ZipLoops zip_loops() {
  return {zip_both<F, T, Z>, zip_x_only<F, T, Z>, zip_y_only<F, T, Z>};
}

}  // namespace
}  // namespace penstock
