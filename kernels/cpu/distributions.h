// From random words to numbers: the rules that both the stateful and the stateless
// random ops follow. A distribution fills `kOutputs` elements from the four words of one
// counter value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/half.h"
#include "cpu/philox.h"

namespace penstock {

inline float unit_float(uint32_t word) {
  return bits_float((word & 0x7fffffu) | 0x3f800000u) - 1.0f;
}
inline double unit_double(uint32_t first, uint32_t second) {
  const uint64_t bits =
      (uint64_t{1023} << 52) | (uint64_t{first & 0xfffffu} << 32) | uint64_t{second};
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value - 1.0;
}

constexpr double kTwoPi = 6.283185307179586476925286766559;
constexpr float kLeastUniform = 1.0e-7f;  // keeps the logarithm finite

// Two independent normals from two words (four, in double).
inline void normal_pair(uint32_t a, uint32_t b, float* out) {
  const float radius = std::sqrt(-2.0f * std::log(std::max(unit_float(a), kLeastUniform)));
  const float angle = static_cast<float>(kTwoPi) * unit_float(b);
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}
inline void normal_pair(uint32_t a, uint32_t b, uint32_t c, uint32_t d, double* out) {
  const double u = std::max(unit_double(a, b), 1.0e-7);
  const double radius = std::sqrt(-2.0 * std::log(u)), angle = kTwoPi * unit_double(c, d);
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}

// Uniform in [0, 1).
template <class T>
struct Uniform;
template <>
struct Uniform<float> {
  static constexpr int kOutputs = 4;
  static void fill(const Words& w, float* out) {
    for (int i = 0; i < 4; ++i) out[i] = unit_float(w[static_cast<size_t>(i)]);
  }
};
template <>
struct Uniform<double> {
  static constexpr int kOutputs = 2;
  static void fill(const Words& w, double* out) {
    out[0] = unit_double(w[0], w[1]);
    out[1] = unit_double(w[2], w[3]);
  }
};
template <>
struct Uniform<float16> {
  static constexpr int kOutputs = 4;
  static void fill(const Words& w, float16* out) {
    for (size_t i = 0; i < 4; ++i) {
      float16 one_to_two;
      one_to_two.bits = static_cast<uint16_t>((w[i] & 0x3ffu) | 0x3c00u);
      out[i] = float16(static_cast<float>(one_to_two) - 1.0f);
    }
  }
};
template <>
struct Uniform<bfloat16> {
  static constexpr int kOutputs = 4;
  static void fill(const Words& w, bfloat16* out) {
    for (size_t i = 0; i < 4; ++i) {
      bfloat16 one_to_two;
      one_to_two.bits = static_cast<uint16_t>((w[i] & 0x7fu) | 0x3f80u);
      out[i] = bfloat16(static_cast<float>(one_to_two) - 1.0f);
    }
  }
};

// Normal with mean 0 and deviation 1.
template <class T>
struct Normal {
  static constexpr int kOutputs = 4;
  static void fill(const Words& w, T* out) {
    float z[4];
    normal_pair(w[0], w[1], z);
    normal_pair(w[2], w[3], z + 2);
    for (int i = 0; i < 4; ++i) out[i] = T(z[i]);
  }
};
template <>
struct Normal<double> {
  static constexpr int kOutputs = 2;
  static void fill(const Words& w, double* out) { normal_pair(w[0], w[1], w[2], w[3], out); }
};

}  // namespace penstock
