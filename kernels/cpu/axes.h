// Axes, sizes and shapes that arrive as tensors: read, checked, counted from the front.
//
// Everything here refuses bad numbers with InvalidArgument; what leaves is in range.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace penstock {

// Element i of an integer tensor, whatever its width.
inline int64_t int_at(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kInt32:
      return t.data<int32_t>()[i];
    case DType::kInt64:
      return t.data<int64_t>()[i];
    case DType::kInt16:
      return t.data<int16_t>()[i];
    case DType::kInt8:
      return t.data<int8_t>()[i];
    case DType::kUInt16:
      return t.data<uint16_t>()[i];
    case DType::kUInt8:
      return t.data<uint8_t>()[i];
    default:
      throw_unexpected_dtype(t.dtype());
  }
}

// The only element of a scalar (or of a tensor of one element, which TensorFlow accepts too).
inline int64_t int_scalar(const Tensor& t, const char* what) {
  require(t.num_elements() == 1, what, " must be a scalar, got shape ", t.shape());
  return int_at(t, 0);
}

// `axis` counted from the front; InvalidArgument unless -rank <= axis < rank.
inline int checked_axis(int64_t axis, int rank, const char* what = "axis") {
  require(axis >= -rank && axis < rank, what, " ", axis, " is out of range for rank ", rank,
          ": expected a value in [", -rank, ", ", rank, ")");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

// The shape that a vector of sizes describes.
inline Shape shape_from(const Tensor& t, const char* what = "shape") {
  require(t.rank() == 1, what, " must be a vector, got shape ", t.shape());
  require(t.dim(0) <= kMaxRank, what, " has ", t.dim(0), " dimensions; at most ", kMaxRank,
          " are supported");
  int64_t dims[kMaxRank];
  for (int64_t i = 0; i < t.dim(0); ++i) dims[i] = int_at(t, i);
  return Shape::checked(dims, static_cast<int>(t.dim(0)));
}

// A shape as seen from one axis: [outer, size, inner].
struct AxisSplit {
  int64_t outer, size, inner;
  AxisSplit(const Shape& shape, int axis)
      : outer(shape.product(0, axis)),
        size(shape[axis]),
        inner(shape.product(axis + 1, shape.rank())) {}
};

}  // namespace penstock
