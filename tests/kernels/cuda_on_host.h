// CUDA for a host compiler: just enough to compile kernels/gpu/cuda and run its kernels on threads.
//
// Included in front of a source. The caller places itself with `host_place` and calls the kernel as
// a function, once for each CUDA thread: one after the other where a kernel has no barriers, else
// all threads of a block at once on threads of the host. Nothing here is fast.
#pragma once

#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "core/half.h"

#define __global__
#define __device__
#define __shared__ static  // blocks run one after the other, so one block's memory is enough

struct HostIndex {
  int x, y;
};
inline thread_local HostIndex blockIdx, threadIdx;
inline HostIndex gridDim, blockDim;

class HostBarrier {
 public:
  void expect(int threads) { expected_ = threads; }
  void arrive_and_wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const int round = round_;
    if (++arrived_ == expected_) {
      arrived_ = 0;
      ++round_;
      all_here_.notify_all();
    } else {
      all_here_.wait(lock, [&] { return round_ != round; });
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  int expected_ = 1, arrived_ = 0, round_ = 0;
};
inline HostBarrier host_barrier;
inline void __syncthreads() { host_barrier.arrive_and_wait(); }

extern "C" inline __attribute__((used)) void host_shape(int grid_x, int grid_y, int block_x,
                                                        int block_y, int threads_at_once) {
  gridDim = {grid_x, grid_y};
  blockDim = {block_x, block_y};
  host_barrier.expect(threads_at_once);
}
extern "C" inline __attribute__((used)) void host_place(int block_x, int block_y, int thread_x,
                                                        int thread_y) {
  blockIdx = {block_x, block_y};
  threadIdx = {thread_x, thread_y};
}

inline float half_to_float(unsigned short bits) { return penstock::float16::to_float(bits); }
inline unsigned short float_to_half(float value) { return penstock::float16::from_float(value); }
inline float __uint_as_float(unsigned int bits) { return penstock::bits_float(bits); }
inline unsigned int __float_as_uint(float value) { return penstock::float_bits(value); }
inline double __longlong_as_double(long long bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned long long atomicCAS(unsigned long long* at, unsigned long long expected,
                                    unsigned long long desired) {
  return __sync_val_compare_and_swap(at, expected, desired);
}
template <class E>
E atomicAdd(E* at, E value) {  // kernels that add atomically have no barriers and run in turn
  const E before = *at;
  *at = before + value;
  return before;
}
