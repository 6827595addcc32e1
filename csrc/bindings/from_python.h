// Node attributes from Python values. The interpreter lock is held.
#pragma once

#include <pybind11/pybind11.h>

#include "core/allocator.h"
#include "core/attrs.h"

namespace penstock {

// bool, int, float, bytes and str, arrays, DType (by `as_datatype_enum`), TensorShape (by
// `_dims`), and lists of one kind of these. Values that are None are left out. Errors name the
// attribute.
Attrs attrs_of_dict(const pybind11::dict& values, Allocator& allocator);

}  // namespace penstock
