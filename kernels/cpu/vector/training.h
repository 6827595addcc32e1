// Vectorised optimizer updates: one pass over the variables and the gradient. See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

// Updates n elements of each variable in place. `variables[0]` is the trained one, the others
// are its slots; which they are, and what the scalars mean, is said at each member below.
using UpdateFn = void (*)(void* const* variables, const void* grad, const double* scalars,
                          int64_t n);

struct UpdateByType {
  UpdateFn f32;
  UpdateFn f64;
};

struct TrainingLoops {
  UpdateByType gradient_descent;         // ; alpha
  UpdateByType momentum;                 // accum; lr, momentum
  UpdateByType momentum_nesterov;        // accum; lr, momentum
  UpdateByType keras_momentum;           // accum; lr, momentum
  UpdateByType keras_momentum_nesterov;  // accum; lr, momentum
  UpdateByType adagrad;                  // accum; lr, epsilon
  UpdateByType adagrad_frozen;           // accum, which stays as it is; lr, epsilon
  UpdateByType adam;                     // m, v; step size, 1 - beta1, 1 - beta2, epsilon
  UpdateByType adam_nesterov;            // m, v; step size, 1 - beta1, 1 - beta2, epsilon
  UpdateByType rms_prop;                 // ms, mom; lr, rho, momentum, epsilon
  UpdateByType centered_rms_prop;        // mg, ms, mom; lr, rho, momentum, epsilon
  UpdateByType adadelta;                 // accum, accum_update; lr, rho, epsilon
  UpdateByType ftrl;                     // accum, linear; lr, l1, 2 l2, 2 l2_shrinkage, -lr_power
  UpdateByType ftrl_by_lr;               // the same with `linear` multiplied by lr
};

}  // namespace penstock
