// Vectorised functions of one operand. A null entry: the portable loop of unary.cc serves.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

struct UnaryLoops {
  MapByType abs;
  MapByType neg;
  MapByType reciprocal;
  MapByType square;
  MapByType sqrt;
  MapByType floor;
  MapByType ceil;
  MapByType rint;
  MapByType rsqrt;
  MapByType exp;
  MapByType expm1;
  MapByType log;
  MapByType log1p;
  MapByType tanh;
  MapByType sigmoid;
  MapByType sinh;
  MapByType cosh;
  MapByType sin;
  MapByType cos;
  MapByType tan;
  MapByType erf;
  MapByType erfc;
};

}  // namespace penstock
