// What pooling kernels share: the image that is pooled, checked.
#pragma once

#include <type_traits>

#include "cpu/vector/table.h"
#include "cpu/windowed_image.h"

namespace penstock {

// The image of shape `input` under the window that `attrs` describe.
WindowedImage pooled_image(const WindowAttrs& attrs, const Shape& input);
// InvalidArgument, naming `what`, unless the tensor has that shape.
void require_shape(const Tensor& t, const Shape& expected, const char* what);

template <class T>
const PoolFns& pool_functions() {
  if constexpr (std::is_same_v<T, float>) return vector_table().pooling.f32;
  return vector_table().pooling.f64;
}

}  // namespace penstock
