// Vectorised functions of one operand. See table.h for how this file is compiled.
#include "cpu/vector/unary.h"

#include "cpu/vector/shapes.h"

namespace penstock::PENSTOCK_ISA {
namespace {

struct Abs {
  static float at(float x) { return __builtin_fabsf(x); }
  static double at(double x) { return __builtin_fabs(x); }
};
struct Neg {
  template <class T>
  static T at(T x) {
    return -x;
  }
};
struct Reciprocal {
  template <class T>
  static T at(T x) {
    return T(1) / x;
  }
};
struct Sqrt {
  static float at(float x) { return __builtin_sqrtf(x); }
  static double at(double x) { return __builtin_sqrt(x); }
};
struct Square {
  template <class T>
  static T at(T x) {
    return x * x;
  }
};

}  // namespace

void fill(UnaryLoops& loops);
void fill(UnaryLoops& loops) {
  loops.abs = map_by_type<Abs>();
  loops.neg = map_by_type<Neg>();
  loops.reciprocal = map_by_type<Reciprocal>();
  loops.sqrt = map_by_type<Sqrt>();
  loops.square = map_by_type<Square>();
}

}  // namespace penstock::PENSTOCK_ISA
