// Python values to tensors. The interpreter lock is held.
//
// Arrays that are dense, aligned and of the right dtype are not copied when they are large:
// the tensor then holds a reference to the array in a buffer that is not writable. Its last
// owner may be a thread without the interpreter lock; the reference is then kept for
// `drop_pending_references`.
#pragma once

#include "bindings/numpy_api.h"
#include "core/tensor.h"
#include "runtime/program.h"
#include "runtime/session.h"

namespace penstock {

// The value fed for `feed`, as NumPy's asarray(value, dtype) reads it. Throws a RunError that
// names the fed tensor when it cannot be converted or its shape is not allowed. An array in the
// memory of one of `session`'s devices is taken as it is where the feed travels; without a session
// every value becomes one of the host's.
Tensor tensor_of_feed(PyObject* value, const FeedInfo& feed, Allocator& allocator,
                      Session* session = nullptr);

// Sets the function that makes a NumPy array of a fed array of another library, one with
// `__dlpack__` or `__cuda_array_interface__`.
void set_array_reader(PyObject* callable);

// The value of an array that lasts, of its own dtype. Shares memory only with arrays that nobody
// can write to: those, and what they are views of, are read-only.
Tensor tensor_of_constant(PyArrayObject* array, Allocator& allocator);
// The same for a tensor attribute, which every run reads: a small one is copied to where vector
// registers load it best.
Tensor tensor_of_attribute(PyArrayObject* array, Allocator& allocator);

// Gives up a reference now, or, without the interpreter lock, at the next
// `drop_pending_references`.
void drop_reference(PyObject* object);

// Gives up references to arrays whose last tensor died without the interpreter lock.
void drop_pending_references();

}  // namespace penstock
