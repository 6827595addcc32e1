// Exponential and logarithm in float64, branch-free, over the whole range; also what the
// float32 functions that need more digits on the way are made of (pow, erfc).
//
// Largest error seen against extended precision, in units in the last place: exp 1.0, log 1.0,
// tanh 2.4, sigmoid 2.1, expm1 1.9. Coefficients are those of the series.
#pragma once

#include "cpu/vector/bits.h"

namespace penstock {
namespace {

struct ReducedF64 {
  double r;
  double scale_a;
  double scale_b;
};
// As reduce_exp in exp_log_f32.h.
inline ReducedF64 reduce_exp(double x) {
  const double shifted = x * 1.4426950408889634 + kRoundF64;
  const double n = shifted - kRoundF64;
  double r = x - n * 0x1.62e42fee00000p-1;  // 32 bits: the product is exact
  r = r - n * 0x1.a39ef35793c76p-33;
  const uint64_t k = bits_of(shifted) - kRoundBitsF64 + 2048u;
  const uint64_t half = k >> 1;
  return {r, double_of((half - 1024u + 1023u) << 52), double_of((k - half - 1024u + 1023u) << 52)};
}

// (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2.
inline double exp_tail(double r) {
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  return p * r + 0.5;
}

inline double clamp_exp(double x, double low, double high) {
  x = x > high ? high : x;
  return x < low ? low : x;
}

inline double exp_f64(double x) {
  const ReducedF64 t = reduce_exp(clamp_exp(x, -746.0, 710.0));
  return (1.0 + (t.r + t.r * t.r * exp_tail(t.r))) * t.scale_a * t.scale_b;
}

inline double expm1_f64(double x) {
  const ReducedF64 t = reduce_exp(clamp_exp(x, -40.0, 710.0));
  const double s = t.r + t.r * t.r * exp_tail(t.r);
  const double scale = t.scale_a * (0.5 * t.scale_b);
  const double y = 2.0 * (scale * s + (scale - 0.5));
  return x == 0.0 ? x : y;
}

inline double log_f64(double x) {
  const bool tiny = x < 0x1p-1022;
  const double y = tiny ? x * 0x1p54 : x;
  const uint64_t u = bits_of(y) - 0x3fe6a09e00000000u + 0x3ff0000000000000u;
  // The exponent becomes a number by putting it under 2^52: no conversion from 64-bit integers.
  const double biased = double_of((u >> 52) | 0x4330000000000000u) - 0x1p52;
  const double e = biased - (tiny ? 1077.0 : 1023.0);
  const double f = double_of((u & 0x000fffffffffffffu) + 0x3fe6a09e00000000u) - 1.0;
  // With s = f / (2 + f): log(1 + f) = 2 (s + s^3/3 + s^5/5 + ...).
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 2.0 / 21.0;
  p = p * z + 2.0 / 19.0;
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + z * p) + e * 0x1.a39ef35793c76p-33;
  double result = e * 0x1.62e42fee00000p-1 + (f - (half_square - tail));
  result = x < kInfF64 ? result : x;
  result = x < 0.0 ? kNanF64 : result;
  return x == 0.0 ? -kInfF64 : result;
}

inline double tanh_f64(double x) {
  const double t = expm1_f64(2.0 * clamp_exp(__builtin_fabs(x), 0.0, 25.0));
  return with_sign(t / (t + 2.0), x);
}

inline double sigmoid_f64(double x) {
  const double e = exp_f64(-__builtin_fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

}  // namespace
}  // namespace penstock
