// What every CUDA source starts from: element types, the grid's loop, and the fault record.
//
// A source is compiled once for each element type, named by PENSTOCK_T. Half precision is stored in
// 16 bits and computed in float: `load` widens, `store` rounds to nearest even. No other header is
// needed, so that a run-time compiler without CUDA's headers does, and a host compiler too.
#pragma once

typedef long long int64;
typedef unsigned long long uint64;
typedef unsigned int uint32;

struct float16 {
  unsigned short bits;
};
struct bfloat16 {
  unsigned short bits;
};

#ifdef __CUDACC__
__device__ inline float half_to_float(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
__device__ inline unsigned short float_to_half(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#endif

template <class T>
struct Computed {
  typedef T type;
};
template <>
struct Computed<float16> {
  typedef float type;
};
template <>
struct Computed<bfloat16> {
  typedef float type;
};

typedef PENSTOCK_T T;
typedef Computed<T>::type A;  // what T is computed in

template <class E>
__device__ inline E load(E value) {
  return value;
}
__device__ inline float load(float16 value) { return half_to_float(value.bits); }
__device__ inline float load(bfloat16 value) {
  return __uint_as_float(static_cast<uint32>(value.bits) << 16);
}

template <class E, class From>
__device__ inline void store(E& to, From value) {
  to = static_cast<E>(value);
}
__device__ inline void store(float16& to, float value) { to.bits = float_to_half(value); }
__device__ inline void store(bfloat16& to, float value) {
  const uint32 bits = __float_as_uint(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  to.bits = static_cast<unsigned short>(
      (is_nan ? (bits | 0x400000u) : bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// `for (int64 i = first_item(); i < n; i += items_at_once())` visits [0, n) with any grid.
__device__ inline int64 first_item() {
  return static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64 items_at_once() { return static_cast<int64>(gridDim.x) * blockDim.x; }

// The first bad index since the host last looked. `site` is the number of the kernel that met it, 0
// as long as there is none.
struct Fault {
  uint64 site;
  int64 position, index, limit;
};

// Whether `index` is in [0, limit); otherwise the fault is left for the host.
__device__ inline bool is_valid(int64 index, int64 limit, int64 position, Fault* fault,
                                int64 site) {
  if (index >= 0 && index < limit) return true;
  if (atomicCAS(&fault->site, 0ull, static_cast<uint64>(site)) == 0) {
    fault->position = position;
    fault->index = index;
    fault->limit = limit;
  }
  return false;
}
