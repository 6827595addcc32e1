// float16 and bfloat16 as storage types: they convert to and from float, with round to
// nearest even, and do no arithmetic of their own. Kernels compute in float.
#pragma once

#include <cstdint>
#include <cstring>

namespace penstock {

inline uint32_t float_bits(float f) {
  uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  return u;
}
inline float bits_float(uint32_t u) {
  float f;
  std::memcpy(&f, &u, sizeof f);
  return f;
}

struct bfloat16 {
  uint16_t bits;
  bfloat16() = default;
  bfloat16(float f) {  // NOLINT: implicit on purpose
    uint32_t u = float_bits(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<uint16_t>((u >> 16) | 0x40u);  // NaN stays a quiet NaN
    } else {
      bits = static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
  }
  operator float() const { return bits_float(static_cast<uint32_t>(bits) << 16); }
};

struct float16 {
  uint16_t bits;
  float16() = default;
  float16(float f) : bits(from_float(f)) {}  // NOLINT: implicit on purpose
  operator float() const { return to_float(bits); }

  static float to_float(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
    const uint32_t magnitude = h & 0x7fffu;
    if (magnitude >= 0x7c00u) {  // Inf, NaN
      return bits_float(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
    }
    // Scaling by 2^112 moves the exponent and normalises subnormals on the way.
    const float scaled = bits_float(magnitude << 13) * bits_float(0x77800000u);
    return bits_float(sign | float_bits(scaled));
  }
  static uint16_t from_float(float f) {
    const uint32_t u = float_bits(f);
    const uint16_t sign = static_cast<uint16_t>((u >> 16) & 0x8000u);
    const uint32_t a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
    if (a >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to Inf
    if (a < 0x38800000u) {  // subnormal or zero: let the adder do the rounding
      const float sum = bits_float(a) + 0.5f;
      return static_cast<uint16_t>(sign | (float_bits(sum) - 0x3f000000u));
    }
    const uint32_t rounded = a + 0xfffu + ((a >> 13) & 1u) - (112u << 23);
    return static_cast<uint16_t>(sign | (rounded >> 13));
  }
};

}  // namespace penstock
