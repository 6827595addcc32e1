// Rows of softmax and of the cross entropies that start with one. See table.h.
//
// A row's maximum is taken off first, so nothing overflows. Outputs do not overlap inputs,
// except that `softmax` and `log_softmax` may work in place.
#pragma once

#include <stdint.h>

namespace penstock {

struct SoftmaxRows {
  void (*softmax)(const void* x, void* y, int64_t rows, int64_t n);
  void (*log_softmax)(const void* x, void* y, int64_t rows, int64_t n);
  // loss[r] = -sum(labels * log_softmax(x)) and slope = softmax(x) - labels, the gradient where
  // the labels of a row sum to 1. A label of 0 adds no loss, whatever its logit.
  void (*cross_entropy)(const void* x, const void* labels, void* loss, void* slope, int64_t rows,
                        int64_t n);
  // The same with one label of 1 a row, at `classes[r]` in [0, n).
  void (*sparse_cross_entropy)(const void* x, const int64_t* classes, void* loss, void* slope,
                               int64_t rows, int64_t n);
};

struct SoftmaxLoops {
  SoftmaxRows f32;
  SoftmaxRows f64;
};

}  // namespace penstock
