// Optimizer updates of complex weights.
#pragma once

#include "core/dtype.h"
#include "cpu/vector/table.h"

namespace penstock {

// A table with nothing but updates: `f32` is for complex64, `f64` for complex128. What has no
// meaning for complex numbers is null.
const VectorTable& complex_updates();

}  // namespace penstock
