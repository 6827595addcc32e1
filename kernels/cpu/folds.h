// How to fold elements of a dtype into one: the loops for the elements, and those for partial
// results, which may be of a wider type (float for float16).
#pragma once

#include "core/dtype.h"
#include "cpu/vector/reduction.h"

namespace penstock {

// kWideSum sums integers in 64 bits, as means need it.
enum class FoldKind : uint8_t { kSum, kWideSum, kSumSquares, kProd, kMax, kMin };

struct Folding {
  Fold elements;                  // from elements to accumulators
  Fold partials;                  // from accumulators to accumulators
  DType accumulator;              // dtype of the accumulators
  alignas(16) char identity[16];  // the accumulator of no elements
};

Folding folding_of(FoldKind kind, DType dtype);

}  // namespace penstock
