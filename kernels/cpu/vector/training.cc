// Optimizer updates for floats: those of updates.h, and FTRL, which compares numbers.
// See table.h for how this file is compiled.
#include "cpu/vector/training.h"

#include "cpu/vector/updates.h"

namespace penstock::PENSTOCK_ISA {
namespace {

inline float power(float x, float y) { return __builtin_powf(x, y); }
inline double power(double x, double y) { return __builtin_pow(x, y); }

// accum^p, where p is nearly always one half.
template <class T>
T accum_power(T accum, T p) {
  return p == T(0.5) ? root(accum) : power(accum, p);
}

struct Ftrl {
  template <class T>
  static void at(T& var, T& accum, T& linear, T g, const T* s) {
    const T grown = accum + g * g;
    const T strength = accum_power(grown, s[4]);
    const T shrunk = g + s[3] * var;
    linear += shrunk - (strength - accum_power(accum, s[4])) / s[0] * var;
    const T pull = linear > 0 ? s[1] - linear : -s[1] - linear;
    const T size = linear > 0 ? linear : -linear;
    var = size > s[1] ? pull / (strength / s[0] + s[2]) : T(0);
    accum = grown;
  }
};
struct FtrlByLr {
  template <class T>
  static void at(T& var, T& accum, T& linear, T g, const T* s) {
    const T grown = accum + g * g;
    const T strength = accum_power(grown, s[4]);
    const T shrunk = g + s[3] * var, limit = s[1] * s[0];
    linear += shrunk * s[0] - (strength - accum_power(accum, s[4])) * var;
    const T pull = linear > 0 ? limit - linear : -limit - linear;
    const T size = linear > 0 ? linear : -linear;
    var = size > limit ? pull / (strength + s[2] * s[0]) : T(0);
    accum = grown;
  }
};

}  // namespace

void fill(TrainingLoops& loops);
void fill(TrainingLoops& loops) {
  fill_updates<float, double>(loops);
  loops.ftrl = two_slots<Ftrl, 5, float, double>();
  loops.ftrl_by_lr = two_slots<FtrlByLr, 5, float, double>();
}

}  // namespace penstock::PENSTOCK_ISA
