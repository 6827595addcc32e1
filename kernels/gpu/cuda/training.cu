// Optimizer updates in one pass over a weight, its slots and the gradient, in place.
//
// Every kernel has the same arguments: the weight, up to three slots, the gradient, and up to six
// hyperparameters, scalars in device memory so that reading them stops nobody; what an update does
// not have is null. The sparse kernels get row numbers in ascending order and where each stood: the
// updates of a row that occurs twice apply one after the other, in the order given.
#include "cuda/element.h"

__device__ inline float root(float x) { return sqrtf(x); }
__device__ inline double root(double x) { return sqrt(x); }

// An update reads and writes value[0], the weight, and its slots. `prepare` turns what the op is
// given into what the formula needs.
struct AsGiven {
  __device__ static void prepare(A*) {}
};

struct GradientDescent : AsGiven {
  static const int kSlots = 0;
  __device__ static void at(A* value, A g, const A* s) { value[0] -= s[0] * g; }
};

struct Momentum : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] = value[1] * s[1] + g;
    value[0] -= value[1] * s[0];
  }
};
struct MomentumNesterov : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] = value[1] * s[1] + g;
    value[0] -= g * s[0] + value[1] * s[1] * s[0];
  }
};
struct KerasMomentum : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] = value[1] * s[1] - g * s[0];
    value[0] += value[1];
  }
};
struct KerasMomentumNesterov : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] = value[1] * s[1] - g * s[0];
    value[0] += value[1] * s[1] - g * s[0];
  }
};

struct Adagrad : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] += g * g;
    value[0] -= s[0] * g / (root(value[1]) + s[1]);
  }
};
struct AdagradFrozen : AsGiven {
  static const int kSlots = 1;
  __device__ static void at(A* value, A g, const A* s) {
    value[0] -= s[0] * g / (root(value[1]) + s[1]);
  }
};

// Given: beta1_power, beta2_power, lr, beta1, beta2, epsilon.
struct AdamScalars {
  __device__ static void prepare(A* s) {
    s[0] = s[2] * root(A(1) - s[1]) / (A(1) - s[0]);
    s[1] = A(1) - s[3];
    s[2] = A(1) - s[4];
    s[3] = s[5];
  }
};
struct Adam : AdamScalars {
  static const int kSlots = 2;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] += (g - value[1]) * s[1];
    value[2] += (g * g - value[2]) * s[2];
    value[0] -= value[1] * s[0] / (root(value[2]) + s[3]);
  }
};
struct AdamNesterov : AdamScalars {
  static const int kSlots = 2;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] += (g - value[1]) * s[1];
    value[2] += (g * g - value[2]) * s[2];
    value[0] -= (g * s[1] + value[1] * (A(1) - s[1])) * s[0] / (root(value[2]) + s[3]);
  }
};

// Given: lr, rho, momentum, epsilon.
struct RmsProp : AsGiven {
  static const int kSlots = 2;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] += (g * g - value[1]) * (A(1) - s[1]);
    value[2] = value[2] * s[2] + g * s[0] / root(value[1] + s[3]);
    value[0] -= value[2];
  }
};
struct CenteredRmsProp : AsGiven {  // slots: mg, ms, mom
  static const int kSlots = 3;
  __device__ static void at(A* value, A g, const A* s) {
    value[2] += (g * g - value[2]) * (A(1) - s[1]);
    value[1] += (g - value[1]) * (A(1) - s[1]);
    value[3] = value[3] * s[2] + g * s[0] / root(value[2] - value[1] * value[1] + s[3]);
    value[0] -= value[3];
  }
};

// Given: lr, rho, epsilon.
struct Adadelta : AsGiven {
  static const int kSlots = 2;
  __device__ static void at(A* value, A g, const A* s) {
    value[1] = value[1] * s[1] + g * g * (A(1) - s[1]);
    const A update = root(value[2] + s[2]) / root(value[1] + s[2]) * g;
    value[2] = value[2] * s[1] + update * update * (A(1) - s[1]);
    value[0] -= update * s[0];
  }
};

struct Arguments {
  T* variable[4];
  const T* grad;
  const T* scalar[6];
};

template <class F>
__device__ inline void read_scalars(const Arguments& in, A* s) {
  for (int i = 0; i < 6; ++i) s[i] = in.scalar[i] ? load(*in.scalar[i]) : A(0);
  F::prepare(s);
}

template <class F>
__device__ inline void update(const Arguments& in, int64 at, A g, const A* s) {
  A value[4];
  for (int k = 0; k <= F::kSlots; ++k) value[k] = load(in.variable[k][at]);
  F::at(value, g, s);
  for (int k = 0; k <= F::kSlots; ++k) store(in.variable[k][at], value[k]);
}

template <class F>
__device__ void update_all(const Arguments& in, int64 n) {
  A s[6];
  read_scalars<F>(in, s);
  for (int64 i = first_item(); i < n; i += items_at_once()) {
    update<F>(in, i, load(in.grad[i]), s);
  }
}

// One thread takes an element of a row through all of that row's updates.
template <class F>
__device__ void update_rows(const Arguments& in, const int64* rows, const int64* order, int64 count,
                            int64 inner, int64 limit, Fault* fault, int64 site) {
  A s[6];
  read_scalars<F>(in, s);
  for (int64 i = first_item(); i < count * inner; i += items_at_once()) {
    int64 k = i / inner;
    const int64 column = i % inner, row = rows[k];
    if (k > 0 && rows[k - 1] == row) continue;
    if (!is_valid(row, limit, order[k], fault, site)) continue;
    for (; k < count && rows[k] == row; ++k) {
      update<F>(in, row * inner + column, load(in.grad[order[k] * inner + column]), s);
    }
  }
}

#define VARIABLES T *var, T *a, T *b, T *c, const T *grad
#define SCALARS const T *s0, const T *s1, const T *s2, const T *s3, const T *s4, const T *s5
#define UPDATE(name, F)                                                                           \
  extern "C" __global__ void name(VARIABLES, SCALARS, int64 n) {                                  \
    update_all<F>(Arguments{{var, a, b, c}, grad, {s0, s1, s2, s3, s4, s5}}, n);                  \
  }                                                                                               \
  extern "C" __global__ void name##_rows(VARIABLES, SCALARS, const int64* rows,                   \
                                         const int64* order, int64 count, int64 inner,            \
                                         int64 limit, Fault* fault, int64 site) {                 \
    update_rows<F>(Arguments{{var, a, b, c}, grad, {s0, s1, s2, s3, s4, s5}}, rows, order, count, \
                   inner, limit, fault, site);                                                    \
  }

UPDATE(gradient_descent, GradientDescent)
UPDATE(momentum, Momentum)
UPDATE(momentum_nesterov, MomentumNesterov)
UPDATE(keras_momentum, KerasMomentum)
UPDATE(keras_momentum_nesterov, KerasMomentumNesterov)
UPDATE(adagrad, Adagrad)
UPDATE(adagrad_frozen, AdagradFrozen)
UPDATE(adam, Adam)
UPDATE(adam_nesterov, AdamNesterov)
UPDATE(rms_prop, RmsProp)
UPDATE(centered_rms_prop, CenteredRmsProp)
UPDATE(adadelta, Adadelta)
