// Tensors to Python values: NumPy scalars, arrays, bytes. The interpreter lock is held.
#pragma once

#include "bindings/numpy_api.h"
#include "core/tensor.h"

namespace penstock {

// Names the capsule, holding a BufferPtr, under an array that took over a tensor's buffer.
constexpr const char* kTakenBuffer = "penstock.taken_buffer";

// A new reference. Scalars become NumPy scalars (strings bytes, resources ResourceHandle),
// all others arrays that the caller may write to: large ones take over the buffer when
// nobody else holds it, and otherwise the elements are copied. Null with Python's error set.
PyObject* object_of_tensor(Tensor tensor);

}  // namespace penstock
