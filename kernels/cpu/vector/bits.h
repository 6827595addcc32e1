// Reading a float's bits and back, in a form that the compiler vectorises.
#pragma once

#include <stdint.h>

namespace penstock {
namespace {

inline uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
inline uint64_t bits_of(double x) { return __builtin_bit_cast(uint64_t, x); }
inline float float_of(uint32_t u) { return __builtin_bit_cast(float, u); }
inline double double_of(uint64_t u) { return __builtin_bit_cast(double, u); }

constexpr float kInfF32 = __builtin_inff();
constexpr float kNanF32 = __builtin_nanf("");
constexpr double kInfF64 = __builtin_inf();
constexpr double kNanF64 = __builtin_nan("");

// Adding and subtracting these rounds to the nearest integer, ties to even, and leaves the
// integer in the low bits of the sum (|x| < 2^22 and 2^51).
constexpr float kRoundF32 = 12582912.0f;          // 1.5 * 2^23
constexpr uint32_t kRoundBitsF32 = 0x4b400000u;   // its bits
constexpr double kRoundF64 = 6755399441055744.0;  // 1.5 * 2^52
constexpr uint64_t kRoundBitsF64 = 0x4338000000000000u;

// x with the sign of `sign`; x is not negative.
inline float with_sign(float x, float sign) {
  return float_of(bits_of(x) | (bits_of(sign) & 0x80000000u));
}
inline double with_sign(double x, double sign) {
  return double_of(bits_of(x) | (bits_of(sign) & 0x8000000000000000u));
}

}  // namespace
}  // namespace penstock
