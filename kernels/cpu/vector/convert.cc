// Vectorised conversions of 16-bit floats: core/half.h without branches. See table.h for how
// this file is compiled.
#include "cpu/vector/convert.h"

#include "cpu/vector/bits.h"

namespace penstock::PENSTOCK_ISA {
namespace {

// A selection that the compiler does not narrow to 16 bits, for which it has no vector form.
inline uint32_t choose(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = 0u - static_cast<uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

void float16_to_float(const void* x, void* y, int64_t n) {
  const uint16_t* a = static_cast<const uint16_t*>(x);
  float* b = static_cast<float*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t h = a[i];
    const uint32_t magnitude = h & 0x7fffu;
    // Scaling by 2^112 moves the exponent and normalises subnormals on the way.
    const uint32_t finite = bits_of(float_of(magnitude << 13) * 0x1p112f);
    const uint32_t other = 0x7f800000u | (magnitude << 13);
    const uint32_t value = magnitude >= 0x7c00u ? other : finite;
    b[i] = float_of(value | ((h & 0x8000u) << 16));
  }
}

void float_to_float16(const void* x, void* y, int64_t n) {
  const float* a = static_cast<const float*>(x);
  uint16_t* b = static_cast<uint16_t*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t u = bits_of(a[i]);
    const uint32_t magnitude = u & 0x7fffffffu;
    const uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
    // Below the normal numbers the adder does the rounding.
    const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
    uint32_t value = choose(magnitude < 0x38800000u, subnormal, normal);
    value = choose(magnitude >= 0x477ff000u, 0x7c00u, value);
    value = choose(magnitude > 0x7f800000u, 0x7e00u, value);
    b[i] = static_cast<uint16_t>(value | ((u >> 16) & 0x8000u));
  }
}

void bfloat16_to_float(const void* x, void* y, int64_t n) {
  const uint16_t* a = static_cast<const uint16_t*>(x);
  float* b = static_cast<float*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) b[i] = float_of(static_cast<uint32_t>(a[i]) << 16);
}

void float_to_bfloat16(const void* x, void* y, int64_t n) {
  const float* a = static_cast<const float*>(x);
  uint16_t* b = static_cast<uint16_t*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t u = bits_of(a[i]);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const uint32_t quiet = (u >> 16) | 0x40u;
    b[i] = static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}

}  // namespace

void fill(ConvertLoops& loops);
void fill(ConvertLoops& loops) {
  loops.float16_to_float = float16_to_float;
  loops.float_to_float16 = float_to_float16;
  loops.bfloat16_to_float = bfloat16_to_float;
  loops.float_to_bfloat16 = float_to_bfloat16;
}

}  // namespace penstock::PENSTOCK_ISA
