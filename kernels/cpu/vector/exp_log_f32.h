// Exponential and logarithm in float32, branch-free, over the whole range: infinities, NaN,
// overflow and subnormal numbers come out as IEEE arithmetic would give them.
//
// Largest error against float64, over every 1009th float32, in units in the last place:
// exp 0.97, expm1 1.4, log 0.8, log1p 1.4, tanh 1.3, sigmoid 1.9; the same within 0.05 with and
// without fused multiply-add. Polynomials are least-maximum fits.
#pragma once

#include "cpu/vector/bits.h"

namespace penstock {
namespace {

// x = n ln 2 + r with |r| <= ln 2 / 2; 2^n is given in two factors, as n reaches beyond the
// exponents that one float has.
struct ReducedF32 {
  float r;
  float scale_a;
  float scale_b;
};
inline ReducedF32 reduce_exp(float x) {
  const float shifted = x * 1.44269504f + kRoundF32;
  const float n = shifted - kRoundF32;
  float r = x - n * 0.693359375f;  // nine bits: the product is exact
  r = r - n * -2.12194440e-4f;
  // Biased by 256 so that a logical shift halves negative numbers too.
  const uint32_t k = bits_of(shifted) - kRoundBitsF32 + 256u;
  const uint32_t half = k >> 1;
  return {r, float_of((half - 128u + 127u) << 23), float_of((k - half - 128u + 127u) << 23)};
}

inline float clamp_exp(float x, float low, float high) {
  x = x > high ? high : x;  // in this form NaN stays
  return x < low ? low : x;
}

inline float exp_f32(float x) {
  const ReducedF32 t = reduce_exp(clamp_exp(x, -105.0f, 89.0f));
  const float r = t.r;
  float p = 0x1.6a244cp-10f;
  p = p * r + 0x1.1239d4p-7f;
  p = p * r + 0x1.5558f2p-5f;
  p = p * r + 0x1.555492p-3f;
  p = p * r + 0x1.fffffcp-2f;
  return (1.0f + (r + r * r * p)) * t.scale_a * t.scale_b;
}

inline float expm1_f32(float x) {
  const ReducedF32 t = reduce_exp(clamp_exp(x, -20.0f, 89.0f));
  const float r = t.r;
  float p = 0x1.a1a14ep-13f;
  p = p * r + 0x1.6d7474p-10f;
  p = p * r + 0x1.11108fp-7f;
  p = p * r + 0x1.5554aep-5f;
  p = p * r + 0x1.555556p-3f;
  p = p * r + 0.5f;
  const float s = r + r * r * p;
  // 2^n (1 + s) - 1 with the leading parts taken off first. One factor is at least a half.
  const float scale = t.scale_a * (0.5f * t.scale_b);
  const float y = 2.0f * (scale * s + (scale - 0.5f));
  return x == 0.0f ? x : y;
}

// log(1 + f) + e ln 2 for 1 + f in [sqrt(1/2), sqrt(2)].
inline float log_of_parts(float f, float e) {
  float p = -0x1.38b582p-4f;
  p = p * f + 0x1.055b6cp-3f;
  p = p * f + -0x1.0d8542p-3f;
  p = p * f + 0x1.22da1cp-3f;
  p = p * f + -0x1.547244p-3f;
  p = p * f + 0x1.99a008p-3f;
  p = p * f + -0x1.000226p-2f;
  p = p * f + 0x1.555554p-2f;
  const float ff = f * f;
  const float tail = f * ff * p + e * -2.12194440e-4f;
  return e * 0.693359375f + (f + (tail - 0.5f * ff));
}

constexpr uint32_t kSqrtHalfBits = 0x3f3504f3u;

inline float log_f32(float x) {
  const bool tiny = x < 0x1p-126f;
  const float y = tiny ? x * 0x1p25f : x;
  const uint32_t u = bits_of(y) - kSqrtHalfBits + 0x3f800000u;
  const float e = static_cast<float>(static_cast<int32_t>(u >> 23)) - (tiny ? 152.0f : 127.0f);
  const float m = float_of((u & 0x007fffffu) + kSqrtHalfBits);
  float result = log_of_parts(m - 1.0f, e);
  result = x < kInfF32 ? result : x;  // infinity and NaN
  result = x < 0.0f ? kNanF32 : result;
  return x == 0.0f ? -kInfF32 : result;
}

inline float log1p_f32(float x) {
  const float w = 1.0f + x;
  const float lost = x < 1.0f ? x - (w - 1.0f) : 1.0f - (w - x);  // of x in the rounding of w
  const uint32_t u = bits_of(w) - kSqrtHalfBits + 0x3f800000u;
  const uint32_t k = u >> 23;
  const float m = float_of((u & 0x007fffffu) + kSqrtHalfBits);
  // From 2^24 on `lost` is no longer within the result's precision.
  const float shrink = k < 152u ? float_of((254u - k) << 23) : 0.0f;
  const float f = (m - 1.0f) + lost * shrink;
  float result = log_of_parts(f, static_cast<float>(static_cast<int32_t>(k)) - 127.0f);
  result = x < kInfF32 ? result : x;
  result = x < -1.0f ? kNanF32 : result;
  result = x == -1.0f ? -kInfF32 : result;
  return x == 0.0f ? x : result;
}

inline float tanh_f32(float x) {
  const float a = __builtin_fabsf(x);
  const float z = a * a;
  float p = -0x1.75e1cap-8f;
  p = p * z + 0x1.52269ap-6f;
  p = p * z + -0x1.b83c5ap-5f;
  p = p * z + 0x1.110726p-3f;
  p = p * z + -0x1.555532p-2f;
  const float near = a + a * z * p;
  const float far = 1.0f - 2.0f / (exp_f32(a + a) + 1.0f);
  const float y = a < 0.625f ? near : far;
  return with_sign(y, x);
}

inline float sigmoid_f32(float x) {
  const float e = exp_f32(-__builtin_fabsf(x));
  const float d = 1.0f + e;
  const float lost = e - (d - 1.0f);  // of e in the rounding of d
  const float y = (x < 0.0f ? e : 1.0f) / d;
  return y - y * lost;
}

inline float softplus_f32(float x) {
  const float above = x < 0.0f ? 0.0f : x;  // NaN stays
  return above + log1p_f32(exp_f32(-__builtin_fabsf(x)));
}

}  // namespace
}  // namespace penstock
