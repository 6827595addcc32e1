// Vectorised comparisons: two operands of a number type, a bool out. See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct CompareLoops {
  ZipByType equal;
  ZipByType not_equal;
  ZipByType less;
  ZipByType less_equal;
  ZipByType greater;
  ZipByType greater_equal;
};

}  // namespace penstock
