// Vectorised functions of one operand. See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct UnaryLoops {
  MapByType abs;
  MapByType neg;
  MapByType reciprocal;
  MapByType sqrt;
  MapByType square;
};

}  // namespace penstock
