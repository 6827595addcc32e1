// Vectorised activations and their gradients. A gradient's operands are in the order of its
// op: for most (gradient, features), for tanh, sigmoid, … (output, gradient). See table.h.
#pragma once

#include "cpu/vector/loop_types.h"

namespace penstock {

// z[i] = f(x[i], y[i]) for a parameter; only the form with two arrays is needed.
using ZipWithFn = void (*)(const void* x, const void* y, double a, void* z, int64_t n);

struct ZipPair {
  ZipFn f32;
  ZipFn f64;
};

struct ActivationLoops {
  MapByType relu;
  MapByType relu6;
  MapByType elu;
  MapByType selu;
  MapByType softplus;
  MapByType softsign;
  MapWithFn leaky_relu_f32;
  MapWithFn leaky_relu_f64;
  ZipWithFn leaky_relu_grad_f32;
  ZipWithFn leaky_relu_grad_f64;
  ZipPair relu_grad;
  ZipPair relu6_grad;
  ZipPair elu_grad;
  ZipPair selu_grad;
  ZipPair softplus_grad;
  ZipPair softsign_grad;
  ZipPair tanh_grad;
  ZipPair sigmoid_grad;
  ZipPair sqrt_grad;
  ZipPair rsqrt_grad;
  ZipPair reciprocal_grad;
};

}  // namespace penstock
