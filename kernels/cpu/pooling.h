// What pooling kernels share: the image that is pooled, checked.
#pragma once

#include "cpu/vector/table.h"
#include "cpu/windowed_image.h"

namespace penstock {

// The image of shape `input` under the window that `attrs` describe.
WindowedImage pooled_image(const WindowAttrs& attrs, const Shape& input);
// InvalidArgument, naming `what`, unless the tensor has that shape.
void require_shape(const Tensor& t, const Shape& expected, const char* what);

// For integers only `max`, `find_max` and `add_at`.
const PoolFns& integer_pool_functions(DType dtype);
inline const PoolFns& pool_functions(DType dtype) {
  if (dtype == DType::kFloat32) return vector_table().pooling.f32;
  if (dtype == DType::kFloat64) return vector_table().pooling.f64;
  return integer_pool_functions(dtype);
}

}  // namespace penstock
