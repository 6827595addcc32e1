// Functions of float32 that are computed in float64 on the way: pow, sinh, cosh, erf, erfc, sin,
// cos, tan. Largest error, in units in the last place: 0.51; of angles left to the C library 0.81.
#pragma once

#include "cpu/vector/exp_log_f64.h"

namespace penstock {
namespace {

inline double round_f64(double x) { return (x + kRoundF64) - kRoundF64; }

// IEEE pow with all its special cases. |y| >= 2^51 is an even integer.
inline float pow_f32(float base, float exponent) {
  const double x = base;
  const double y = exponent;
  const double a = __builtin_fabs(x);
  double result = exp_f64(y * log_f64(a));
  const bool huge = __builtin_fabs(y) >= 0x1p50;
  const bool is_integer = huge | (round_f64(y) == y);
  const bool is_odd = is_integer & !huge & (round_f64(0.5 * y) != 0.5 * y);
  result = (x < 0.0) & (x > -kInfF64) & !is_integer ? kNanF64 : result;
  result = is_odd ? with_sign(result, x) : result;
  const bool one = (x == 1.0) | (y == 0.0) | ((x == -1.0) & (__builtin_fabs(y) == kInfF64));
  return static_cast<float>(one ? 1.0 : result);
}

inline float cosh_f32(float x) {
  const double e = exp_f64(__builtin_fabs(static_cast<double>(x)));
  return static_cast<float>(0.5 * (e + 1.0 / e));
}

// (e^x - e^-x) / 2, by way of expm1 so that small arguments keep their digits.
inline float sinh_f32(float x) {
  const double t = expm1_f64(__builtin_fabs(static_cast<double>(x)));
  const double y = t > 0x1p500 ? t : 0.5 * (t + t / (t + 1.0));
  return with_sign(static_cast<float>(y), x);
}

// exp(x^2) erfc(x) for x >= 0, a polynomial in (x - 3) / (x + 3); relative error 6e-10 up to
// x = 10.2, beyond which erfc is zero in float32.
inline double scaled_erfc(double x) {
  const double t = (x - 3.0) / (x + 3.0);
  double p = 0x1.4913d1f49d21ep-18;
  p = p * t + 0x1.16156bd6bc684p-14;
  p = p * t + 0x1.0321562d8ecf1p-15;
  p = p * t + -0x1.3bcefd204acfep-11;
  p = p * t + 0x1.75851dc1300e1p-11;
  p = p * t + 0x1.17e81ec810cd5p-8;
  p = p * t + -0x1.8fa8b99ec6de7p-6;
  p = p * t + 0x1.258ad105d59a0p-4;
  p = p * t + -0x1.336ff431e0cb2p-3;
  p = p * t + 0x1.f6ff21a62051dp-3;
  p = p * t + -0x1.4e102bb4ddaecp-2;
  return p * t + 0x1.6e9827d0298c0p-3;
}

inline double erfc_of_positive(double x) {
  const double a = x > 10.2 ? 10.2 : x;
  return exp_f64(-a * a) * scaled_erfc(a);
}

inline float erfc_f32(float x) {
  const double y = erfc_of_positive(__builtin_fabs(static_cast<double>(x)));
  return static_cast<float>(x < 0.0f ? 2.0 - y : y);
}

inline float erf_f32(float x) {
  const double a = __builtin_fabs(static_cast<double>(x));
  const double z = a * a;
  double p = -0x1.438402a2897c7p-17;
  p = p * z + 0x1.d82690d609122p-14;
  p = p * z + -0x1.bcbe9a5553329p-11;
  p = p * z + 0x1.5628edeb62819p-8;
  p = p * z + -0x1.b829a7a584577p-6;
  p = p * z + 0x1.ce2f0798aad0bp-4;
  p = p * z + -0x1.8127465fb975ap-2;
  p = p * z + 0x1.20dd7504007e5p+0;
  const double y = a < 1.0 ? a * p : 1.0 - erfc_of_positive(a);
  return with_sign(static_cast<float>(y), x);
}

// The largest argument of sin and cos that the reduction below is good for.
constexpr float kLargestAngle = 800000.0f;

// sin(x + quarter_turns * pi / 2). n pi/2 is taken off in two parts, the first of 33 bits.
struct SinCos {
  double sin;
  double cos;
  uint64_t quadrant;
};
inline SinCos sin_cos(double x) {
  const double shifted = x * 0.6366197723675814 + kRoundF64;
  const double n = shifted - kRoundF64;
  double r = x - n * 0x1.921fb54400000p+0;
  r = r - n * 0x1.0b4611a626331p-34;
  const double z = r * r;
  double s = 0x1.6ccbb46597196p-19;
  s = s * z + -0x1.a00f68fba74cbp-13;
  s = s * z + 0x1.111108556f481p-7;
  s = s * z + -0x1.5555554c61a37p-3;
  double c = -0x1.2421735752c70p-22;
  c = c * z + 0x1.a010f31e0294fp-16;
  c = c * z + -0x1.6c16b85543326p-10;
  c = c * z + 0x1.5555554f106ecp-5;
  return {r + r * z * s, 1.0 - 0.5 * z + z * z * c, bits_of(shifted)};
}

inline double sin_of_quadrant(const SinCos& t, uint64_t quadrant) {
  const double y = (quadrant & 1u) != 0u ? t.cos : t.sin;
  return (quadrant & 2u) != 0u ? -y : y;
}
inline float sin_f32(float x) {
  const SinCos t = sin_cos(static_cast<double>(x));
  const float y = static_cast<float>(sin_of_quadrant(t, t.quadrant));
  return x == 0.0f ? x : y;
}
inline float cos_f32(float x) {
  const SinCos t = sin_cos(static_cast<double>(x));
  return static_cast<float>(sin_of_quadrant(t, t.quadrant + 1u));
}
inline float tan_f32(float x) {
  const SinCos t = sin_cos(static_cast<double>(x));
  const bool odd = (t.quadrant & 1u) != 0u;
  const float y = static_cast<float>((odd ? -t.cos : t.sin) / (odd ? t.sin : t.cos));
  return x == 0.0f ? x : y;
}

}  // namespace
}  // namespace penstock
