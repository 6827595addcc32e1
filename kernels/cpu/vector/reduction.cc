// Folds over rows and over columns. See table.h for how this file is compiled.
//
// A row is folded in four accumulators of 64 bytes, whatever the width of the registers, so
// that additions do not wait for each other; they are then folded pairwise. Integers wrap
// around: sums and products are computed on unsigned numbers.
#include "cpu/vector/reduction.h"

namespace penstock::PENSTOCK_ISA {
namespace {

constexpr int kBytes = 64;

// A group of elements that one instruction (or a few) works on, at any address.
template <class T>
struct Group {
  typedef T type __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
};

struct Sum {
  template <class X>
  static void map(X&) {}
  template <class X>
  static void fold(X& a, const X& b) {
    a = a + b;
  }
  template <class T>
  static T start() {
    return T(0);
  }
};
struct SumSquares : Sum {
  template <class X>
  static void map(X& x) {
    x = x * x;
  }
};
struct Prod : Sum {
  template <class X>
  static void fold(X& a, const X& b) {
    a = a * b;
  }
  template <class T>
  static T start() {
    return T(1);
  }
};

template <class T>
struct Limits;
template <>
struct Limits<float> {
  static constexpr float kLowest = -__builtin_inff(), kHighest = __builtin_inff();
};
template <>
struct Limits<double> {
  static constexpr double kLowest = -__builtin_inf(), kHighest = __builtin_inf();
};
template <>
struct Limits<int32_t> {
  static constexpr int32_t kLowest = INT32_MIN, kHighest = INT32_MAX;
};
template <>
struct Limits<int64_t> {
  static constexpr int64_t kLowest = INT64_MIN, kHighest = INT64_MAX;
};

struct Max : Sum {
  template <class X>
  static void fold(X& a, const X& b) {
    a = (a >= b) | (a != a) ? a : b;
  }
  template <class T>
  static T start() {
    return Limits<T>::kLowest;
  }
};
struct Min : Sum {
  template <class X>
  static void fold(X& a, const X& b) {
    a = (a <= b) | (a != a) ? a : b;
  }
  template <class T>
  static T start() {
    return Limits<T>::kHighest;
  }
};

// The element, or group of elements, at `x`, as it enters the fold.
template <class F, class X, class T>
inline void load(X& to, const T* x) {
  to = *reinterpret_cast<const X*>(x);
  F::map(to);
}

// acc = acc + x
template <class F, class X, class T>
inline void fold_in(X& acc, const T* x) {
  X next;
  load<F>(next, x);
  F::fold(acc, next);
}

template <class F, class T>
T fold_row(const T* x, int64_t n) {
  using G = typename Group<T>::type;
  constexpr int64_t kLanes = kBytes / sizeof(T);
  T result = F::template start<T>();
  int64_t i = 0;
  if (n >= kLanes) {
    G acc[4];
    load<F>(acc[0], x);
    i = kLanes;
    if (n >= 4 * kLanes) {
      for (int k = 1; k < 4; ++k) load<F>(acc[k], x + k * kLanes);
      for (i = 4 * kLanes; i + 4 * kLanes <= n; i += 4 * kLanes) {
        for (int k = 0; k < 4; ++k) fold_in<F>(acc[k], x + i + k * kLanes);
      }
      F::fold(acc[0], acc[1]);
      F::fold(acc[2], acc[3]);
      F::fold(acc[0], acc[2]);
    }
    for (; i + kLanes <= n; i += kLanes) fold_in<F>(acc[0], x + i);
    T lanes[kLanes];
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] = acc[0][l];
    for (int64_t width = kLanes / 2; width > 0; width /= 2) {
      for (int64_t l = 0; l < width; ++l) F::fold(lanes[l], lanes[l + width]);
    }
    result = lanes[0];
  }
  for (; i < n; ++i) fold_in<F>(result, x + i);
  return result;
}

template <class F, class T>
void fold_rows(const void* x, int64_t rows, int64_t n, void* out) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(out);
  for (int64_t r = 0; r < rows; ++r) to[r] = fold_row<F>(from + r * n, n);
}

template <class F, class T>
void fold_columns(const void* x, int64_t rows, int64_t columns, int64_t stride, void* acc) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(acc);
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, from += 4 * stride) {
    const T *a = from, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) {
      T first, second, total = to[j];
      load<F>(first, a + j);
      load<F>(second, c + j);
      fold_in<F>(first, b + j);
      fold_in<F>(second, d + j);
      F::fold(first, second);
      F::fold(total, first);
      to[j] = total;
    }
  }
  for (; r < rows; ++r, from += stride) {
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) {
      T total = to[j];
      fold_in<F>(total, from + j);
      to[j] = total;
    }
  }
}

template <class F, class T>
constexpr Fold fold_of() {
  return {fold_rows<F, T>, fold_columns<F, T>};
}

template <class F>
constexpr FoldByType wrapping() {
  return {fold_of<F, float>(), fold_of<F, double>(), fold_of<F, uint32_t>(),
          fold_of<F, uint64_t>()};
}
template <class F>
constexpr FoldByType ordered() {
  return {fold_of<F, float>(), fold_of<F, double>(), fold_of<F, int32_t>(), fold_of<F, int64_t>()};
}

}  // namespace

void fill(ReductionLoops& loops);
void fill(ReductionLoops& loops) {
  loops.sum = wrapping<Sum>();
  loops.sum_squares = wrapping<SumSquares>();
  loops.prod = wrapping<Prod>();
  loops.max = ordered<Max>();
  loops.min = ordered<Min>();
}

}  // namespace penstock::PENSTOCK_ISA
