// Maximum and mean over sliding windows of NHWC images, and their gradients.
//
// The gradients gather: a thread takes one element of the input and adds up what the windows that
// cover it send there, in a fixed order, so that results do not depend on timing. The largest
// element of a window is the first of equal ones, and a NaN counts as larger than any number, as
// on the CPU.
#include "cuda/window.h"

// The element of window (o, p) with the largest value, as i * window_columns + j.
__device__ inline int64 largest_at(const Window& w, const T* x, int64 n, int64 o, int64 p,
                                   int64 channel) {
  int64 best_at = -1;
  A best = A(0);
  for (int64 i = 0; i < w.window_rows; ++i) {
    for (int64 j = 0; j < w.window_columns; ++j) {
      const int64 r = w.row(o, i), c = w.column(p, j);
      if (!w.has(r, c)) continue;
      const A value = load(x[w.input_at(n, r, c) + channel]);
      const bool more = value > best || (value != value && best == best);
      if (best_at >= 0 && !more) continue;
      best = value;
      best_at = i * w.window_columns + j;
    }
  }
  return best_at;
}

__device__ inline int64 elements_inside(const Window& w, int64 o, int64 p) {
  int64 in_rows = 0, in_columns = 0;
  for (int64 i = 0; i < w.window_rows; ++i) in_rows += w.has(w.row(o, i), 0);
  for (int64 j = 0; j < w.window_columns; ++j) in_columns += w.has(0, w.column(p, j));
  return in_rows * in_columns;
}

__device__ inline int64 outputs_of(const Window& w) {
  return w.batch * w.out_rows * w.out_columns * w.channels;
}
__device__ inline int64 inputs_of(const Window& w) {
  return w.batch * w.rows * w.columns * w.channels;
}

extern "C" __global__ void max_pool(const T* x, T* y, WINDOW) {
  const Window w = WINDOW_GIVEN;
  for (int64 f = first_item(); f < outputs_of(w); f += items_at_once()) {
    const Pixel at(f, w.out_rows, w.out_columns, w.channels);
    const int64 best = largest_at(w, x, at.n, at.r, at.c, at.k);
    const int64 r = w.row(at.r, best / w.window_columns);
    const int64 c = w.column(at.c, best % w.window_columns);
    y[f] = x[w.input_at(at.n, r, c) + at.k];
  }
}

extern "C" __global__ void max_pool_grad(const T* x, const T* dy, T* dx, WINDOW) {
  const Window w = WINDOW_GIVEN;
  for (int64 f = first_item(); f < inputs_of(w); f += items_at_once()) {
    const Pixel at(f, w.rows, w.columns, w.channels);
    A sum = A(0);
    // Backwards through the window is forwards through the positions.
    for (int64 i = w.window_rows - 1; i >= 0; --i) {
      const int64 o = w.row_position(at.r, i);
      for (int64 j = w.window_columns - 1; o >= 0 && j >= 0; --j) {
        const int64 p = w.column_position(at.c, j);
        if (p < 0) continue;
        if (largest_at(w, x, at.n, o, p, at.k) == i * w.window_columns + j) {
          sum += load(dy[w.output_at(at.n, o, p) * w.channels + at.k]);
        }
      }
    }
    store(dx[f], sum);
  }
}

// Of each window the element of `g` where x is largest: the gradient of max_pool_grad.
extern "C" __global__ void max_pool_pick(const T* x, const T* g, T* y, WINDOW) {
  const Window w = WINDOW_GIVEN;
  for (int64 f = first_item(); f < outputs_of(w); f += items_at_once()) {
    const Pixel at(f, w.out_rows, w.out_columns, w.channels);
    const int64 best = largest_at(w, x, at.n, at.r, at.c, at.k);
    const int64 r = w.row(at.r, best / w.window_columns);
    const int64 c = w.column(at.c, best % w.window_columns);
    y[f] = g[w.input_at(at.n, r, c) + at.k];
  }
}

// The mean of what lies on the image.
extern "C" __global__ void avg_pool(const T* x, T* y, WINDOW) {
  const Window w = WINDOW_GIVEN;
  for (int64 f = first_item(); f < outputs_of(w); f += items_at_once()) {
    const Pixel at(f, w.out_rows, w.out_columns, w.channels);
    A sum = A(0);
    for (int64 i = 0; i < w.window_rows; ++i) {
      for (int64 j = 0; j < w.window_columns; ++j) {
        const int64 r = w.row(at.r, i), c = w.column(at.c, j);
        if (w.has(r, c)) sum += load(x[w.input_at(at.n, r, c) + at.k]);
      }
    }
    store(y[f], sum / A(elements_inside(w, at.r, at.c)));
  }
}

extern "C" __global__ void avg_pool_grad(const T* dy, T* dx, WINDOW) {
  const Window w = WINDOW_GIVEN;
  for (int64 f = first_item(); f < inputs_of(w); f += items_at_once()) {
    const Pixel at(f, w.rows, w.columns, w.channels);
    A sum = A(0);
    for (int64 i = w.window_rows - 1; i >= 0; --i) {
      const int64 o = w.row_position(at.r, i);
      for (int64 j = w.window_columns - 1; o >= 0 && j >= 0; --j) {
        const int64 p = w.column_position(at.c, j);
        if (p < 0) continue;
        sum += load(dy[w.output_at(at.n, o, p) * w.channels + at.k]) / A(elements_inside(w, o, p));
      }
    }
    store(dx[f], sum);
  }
}
