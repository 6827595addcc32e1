// One position of a pooling window over all channels. See table.h.
//
// A window is the part that lies on the image, at least one element: padding never counts.
// Elements are numbered row by row; a NaN is larger than any number, and of equal elements
// the first is the largest.
#pragma once

#include <stdint.h>

namespace penstock {

struct PoolWindow {
  int64_t rows, columns;
  int64_t row_stride, column_stride;  // in elements
  int64_t channels;
};

struct PoolFns {
  // y[c] = the largest, or the mean, of x over the window.
  void (*max)(const PoolWindow& window, const void* x, void* y);
  void (*mean)(const PoolWindow& window, const void* x, void* y);
  // at[c] = the number of the largest element.
  void (*find_max)(const PoolWindow& window, const void* x, int32_t* at);
  // The gradients: dx[element at[c]] += dy[c]; dx[every element] += dy[c] / elements.
  void (*add_at)(const PoolWindow& window, const int32_t* at, const void* dy, void* dx);
  void (*add_mean)(const PoolWindow& window, const void* dy, void* dx);
  // The gradient of `max` where windows tile the image, in one pass: dx = dy at the largest
  // element, 0 at the others.
  void (*route_max)(const PoolWindow& window, const void* x, const void* dy, void* dx);
};

struct PoolingLoops {
  PoolFns f32;
  PoolFns f64;
};

}  // namespace penstock
