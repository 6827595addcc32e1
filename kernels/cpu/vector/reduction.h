// Vectorised folds of many elements into one. See table.h.
//
// The order in which elements are combined depends on their number only, not on the
// instruction set.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct Fold {
  // out[r] = x[r, 0] + ... + x[r, n - 1], for `rows` contiguous rows.
  void (*rows)(const void* x, int64_t rows, int64_t n, void* out);
  // acc[j] = acc[j] + x[0, j] + ... + x[rows - 1, j]; rows of x are `stride` elements apart.
  void (*columns)(const void* x, int64_t rows, int64_t columns, int64_t stride, void* acc);
};

struct FoldByType {
  Fold f32;
  Fold f64;
  Fold i32;
  Fold i64;
};

struct ReductionLoops {
  FoldByType sum;
  FoldByType sum_squares;
  FoldByType prod;
  FoldByType max;  // a NaN is the result
  FoldByType min;
};

}  // namespace penstock
