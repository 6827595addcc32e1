// Vectorised conversions between float32 and the two 16-bit floats, round to nearest even.
// Kernels for 16-bit floats convert blocks with these and compute in float32. See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct ConvertLoops {
  MapFn float16_to_float;
  MapFn float_to_float16;
  MapFn bfloat16_to_float;
  MapFn float_to_bfloat16;
};

}  // namespace penstock
