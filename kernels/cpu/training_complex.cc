// Optimizer updates of complex weights: the rules of updates.h in complex arithmetic, where a
// square is that of the number, not of its absolute value.
#include "cpu/training_complex.h"

#include <complex>

namespace penstock {
namespace {

inline complex64 root(complex64 x) { return std::sqrt(x); }
inline complex128 root(complex128 x) { return std::sqrt(x); }

}  // namespace
}  // namespace penstock

#include "cpu/vector/updates.h"

namespace penstock {

const VectorTable& complex_updates() {
  static const VectorTable table = [] {
    VectorTable t = {};
    fill_updates<complex64, complex128>(t.training);
    return t;
  }();
  return table;
}

}  // namespace penstock
