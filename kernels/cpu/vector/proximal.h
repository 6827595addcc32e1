// Vectorised proximal updates: a gradient step, then a shrinking by l1 and l2. See table.h.
#pragma once

#include "cpu/vector/training.h"

namespace penstock {

struct ProximalLoops {
  UpdateByType gradient_descent;  // ; alpha, l1, l2
  UpdateByType adagrad;           // accum; lr, l1, l2
  // gradient_accumulator, gradient_squared_accumulator; lr, l1, l2, global_step
  UpdateByType adagrad_da;
};

}  // namespace penstock
