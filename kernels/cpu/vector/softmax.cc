// Rows of softmax and its cross entropies. See table.h for how this file is compiled.
//
// Short rows are worked on in blocks of about kBlock elements: per row the maximum is taken off,
// the exponentials of the whole block are computed in one loop, and per row the sum is put to
// use. Of a long row the exponentials are taken and summed in pieces of kBlock. What is worked on
// stays in the nearest cache between these.
#include "cpu/vector/softmax.h"

#include "cpu/vector/exp_log_f32.h"
#include "cpu/vector/exp_log_f64.h"

namespace penstock::PENSTOCK_ISA {
namespace {

constexpr int64_t kBlock = 1024;
constexpr int kLanes = 16;  // partial sums and maxima of a long row

inline float exp_of(float x) { return exp_f32(x); }
inline double exp_of(double x) { return exp_f64(x); }
inline float log_of(float x) { return log_f32(x); }
inline double log_of(double x) { return log_f64(x); }

template <class T>
T max_of(const T* x, int64_t n) {
  T best = x[0];
  int64_t i = 0;
  if (n >= 2 * kLanes) {
    T lanes[kLanes];
    for (int k = 0; k < kLanes; ++k) lanes[k] = x[k];
    for (i = kLanes; i + kLanes <= n; i += kLanes) {
      for (int k = 0; k < kLanes; ++k) lanes[k] = x[i + k] > lanes[k] ? x[i + k] : lanes[k];
    }
    for (int k = 0; k < kLanes; ++k) best = lanes[k] > best ? lanes[k] : best;
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

// The sum of f(i) for i in [0, n).
template <class T, class F>
T sum_of(int64_t n, const F& f) {
  T total = 0;
  int64_t i = 0;
  if (n >= 2 * kLanes) {
    T lanes[kLanes] = {};
    for (; i + kLanes <= n; i += kLanes) {
      for (int k = 0; k < kLanes; ++k) lanes[k] += f(i + k);
    }
    for (int k = 0; k < kLanes; ++k) total += lanes[k];
  }
  for (; i < n; ++i) total += f(i);
  return total;
}

// y = x less its row's maximum. A NaN in a row makes the row's sum NaN, whatever the maximum.
template <class T>
void subtract_max(const T* x, T* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const T top = max_of(x, n);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] - top;
  }
}

template <class T>
void exponentiate(const T* x, T* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = exp_of(x[i]);
}

// y = exp(x - top) for a long row; returns its sum.
template <class T>
T exponentials(const T* x, T top, T* y, int64_t n) {
  T total = 0;
  for (int64_t i = 0; i < n; i += kBlock, x += kBlock, y += kBlock) {
    const int64_t count = n - i < kBlock ? n - i : kBlock;
#pragma GCC ivdep
    for (int64_t j = 0; j < count; ++j) y[j] = exp_of(x[j] - top);
    total += sum_of<T>(count, [=](int64_t j) { return y[j]; });
  }
  return total;
}

template <class T>
void scale(T* y, T factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}

// Calls body(first row, number of rows) over blocks of at least one row.
template <class Body>
void for_blocks(int64_t rows, int64_t n, const Body& body) {
  if (n == 0) return;
  const int64_t step = n >= kBlock ? 1 : kBlock / n;
  for (int64_t r = 0; r < rows; r += step) body(r, rows - r < step ? rows - r : step);
}

template <class T>
void softmax(const void* x, void* y, int64_t rows, int64_t n) {
  for_blocks(rows, n, [&](int64_t first, int64_t count) {
    const T* in = static_cast<const T*>(x) + first * n;
    T* out = static_cast<T*>(y) + first * n;
    if (n >= kBlock) return scale(out, T(1) / exponentials(in, max_of(in, n), out, n), n);
    subtract_max(in, out, count, n);
    exponentiate(out, out, count * n);
    for (int64_t r = 0; r < count; ++r, out += n) {
      scale(out, T(1) / sum_of<T>(n, [=](int64_t i) { return out[i]; }), n);
    }
  });
}

// The sum of the exponentials of a row, without writing them anywhere.
template <class T>
T exp_sum(const T* x, int64_t n) {
  alignas(64) T buffer[kBlock];
  T total = 0;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t count = n - i < kBlock ? n - i : kBlock;
    exponentiate(x + i, buffer, count);
    total += sum_of<T>(count, [&](int64_t j) { return buffer[j]; });
  }
  return total;
}

template <class T>
void log_softmax(const void* x, void* y, int64_t rows, int64_t n) {
  for_blocks(rows, n, [&](int64_t first, int64_t count) {
    T* out = static_cast<T*>(y) + first * n;
    subtract_max(static_cast<const T*>(x) + first * n, out, count, n);
    for (int64_t r = 0; r < count; ++r, out += n) {
      const T log_sum = log_of(exp_sum(out, n));
      for (int64_t i = 0; i < n; ++i) out[i] -= log_sum;
    }
  });
}

template <class T>
void cross_entropy(const void* x, const void* labels, void* loss, void* slope, int64_t rows,
                   int64_t n) {
  for_blocks(rows, n, [&](int64_t first, int64_t count) {
    const T* label = static_cast<const T*>(labels) + first * n;
    T* out = static_cast<T*>(slope) + first * n;
    T* losses = static_cast<T*>(loss) + first;
    T weights[kBlock];  // sum of a row's labels
    subtract_max(static_cast<const T*>(x) + first * n, out, count, n);
    for (int64_t r = 0; r < count; ++r) {
      const T* l = label + r * n;
      const T* d = out + r * n;
      weights[r] = sum_of<T>(n, [=](int64_t i) { return l[i]; });
      losses[r] = -sum_of<T>(n, [=](int64_t i) { return l[i] == T(0) ? T(0) : l[i] * d[i]; });
    }
    exponentiate(out, out, count * n);
    for (int64_t r = 0; r < count; ++r, out += n, label += n) {
      const T sum = sum_of<T>(n, [=](int64_t i) { return out[i]; });
      losses[r] += weights[r] * log_of(sum);
      const T factor = T(1) / sum;
      for (int64_t i = 0; i < n; ++i) out[i] = out[i] * factor - label[i];
    }
  });
}

template <class T>
void sparse_cross_entropy(const void* x, const int64_t* classes, void* loss, void* slope,
                          int64_t rows, int64_t n) {
  for_blocks(rows, n, [&](int64_t first, int64_t count) {
    const T* in = static_cast<const T*>(x) + first * n;
    T* out = static_cast<T*>(slope) + first * n;
    T* losses = static_cast<T*>(loss) + first;
    if (n >= kBlock) {
      const T top = max_of(in, n);
      losses[0] = top - in[classes[first]];  // before `out`, which may be `in`, is written
      const T sum = exponentials(in, top, out, n);
      losses[0] += log_of(sum);
      scale(out, T(1) / sum, n);
      out[classes[first]] -= T(1);
      return;
    }
    subtract_max(in, out, count, n);
    for (int64_t r = 0; r < count; ++r) losses[r] = -out[r * n + classes[first + r]];
    exponentiate(out, out, count * n);
    for (int64_t r = 0; r < count; ++r, out += n) {
      const T sum = sum_of<T>(n, [=](int64_t i) { return out[i]; });
      losses[r] += log_of(sum);
      scale(out, T(1) / sum, n);
      out[classes[first + r]] -= T(1);
    }
  });
}

template <class T>
constexpr SoftmaxRows rows() {
  return {softmax<T>, log_softmax<T>, cross_entropy<T>, sparse_cross_entropy<T>};
}

}  // namespace

void fill(SoftmaxLoops& loops);
void fill(SoftmaxLoops& loops) {
  loops.f32 = rows<float>();
  loops.f64 = rows<double>();
}

}  // namespace penstock::PENSTOCK_ISA
