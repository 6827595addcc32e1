// Vectorised arithmetic of two operands. See table.h for how this file is compiled.
//
// Integers wrap around: they are computed as unsigned numbers of the same size, which gives
// the same bits and has no undefined overflow.
#include "cpu/vector/binary.h"

#include "cpu/vector/shapes.h"
#include "cpu/vector/special_f32.h"

namespace penstock::PENSTOCK_ISA {
namespace {

struct Add {
  template <class T>
  static T at(T x, T y) {
    return x + y;
  }
};
struct Sub {
  template <class T>
  static T at(T x, T y) {
    return x - y;
  }
};
struct Mul {
  template <class T>
  static T at(T x, T y) {
    return x * y;
  }
};
struct Div {
  template <class T>
  static T at(T x, T y) {
    return x / y;
  }
};
// A NaN on either side is the result.
struct Maximum {
  template <class T>
  static T at(T x, T y) {
    const T larger = x > y ? x : y;
    return x != x ? x : larger;
  }
};
struct Minimum {
  template <class T>
  static T at(T x, T y) {
    const T smaller = x < y ? x : y;
    return x != x ? x : smaller;
  }
};
struct SquaredDifference {
  template <class T>
  static T at(T x, T y) {
    return (x - y) * (x - y);
  }
};

struct Pow {
  static float at(float x, float y) { return pow_f32(x, y); }
};

// Squares are what a constant exponent most often asks for.
void pow_x_only(const void* x, const void* y, void* z, int64_t n) {
  if (*static_cast<const float*>(y) == 2.0f) return zip_both<Mul, float, float>(x, x, z, n);
  zip_x_only<Pow, float, float>(x, y, z, n);
}

template <class F>
ZipByType wrapping() {
  return {zip_loops<F, float>(), zip_loops<F, double>(), zip_loops<F, uint32_t>(),
          zip_loops<F, uint64_t>()};
}
template <class F>
ZipByType ordered() {
  return {zip_loops<F, float>(), zip_loops<F, double>(), zip_loops<F, int32_t>(),
          zip_loops<F, int64_t>()};
}

}  // namespace

void fill(BinaryLoops& loops);
void fill(BinaryLoops& loops) {
  loops.add = wrapping<Add>();
  loops.sub = wrapping<Sub>();
  loops.mul = wrapping<Mul>();
  loops.div = {zip_loops<Div, float>(), zip_loops<Div, double>(), {}, {}};
  loops.maximum = ordered<Maximum>();
  loops.minimum = ordered<Minimum>();
  loops.squared_difference = wrapping<SquaredDifference>();
  loops.pow_f32 = zip_loops<Pow, float>();
  loops.pow_f32.x_only = pow_x_only;
}

}  // namespace penstock::PENSTOCK_ISA
