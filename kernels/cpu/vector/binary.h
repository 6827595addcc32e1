// Vectorised arithmetic of two operands. See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct BinaryLoops {
  ZipByType add;
  ZipByType sub;
  ZipByType mul;
  ZipByType div;  // i32, i64: null, the divisor must be looked at first
  ZipByType maximum;
  ZipByType minimum;
  ZipByType squared_difference;
  ZipLoops pow_f32;
};

}  // namespace penstock
