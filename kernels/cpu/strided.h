// The one loop behind transposing, slicing, broadcasting, tiling, reversing and padding: a
// copy between two strided views of the same sizes.
//
// Dimensions of size 1 go away and neighbours that are contiguous on both sides merge, so
// most copies end as a few long memcpy; where the two sides disagree on which dimension is
// contiguous the copy works in square blocks that stay in the first-level cache.
#pragma once

#include <cstdint>

#include "core/shape.h"
#include "runtime/kernel.h"

namespace penstock {

// Sizes, and for each side how far apart (in elements) two neighbours along a dimension are;
// 0 repeats one element, negative strides run backwards. Up to two dimensions for each of a
// tensor's (tiling).
struct StridedCopy {
  static constexpr int kMaxDims = 2 * kMaxRank;
  int rank = 0;
  int64_t size[kMaxDims];
  int64_t dst[kMaxDims];
  int64_t src[kMaxDims];

  void add(int64_t n, int64_t dst_stride, int64_t src_stride) {
    size[rank] = n;
    dst[rank] = dst_stride;
    src[rank] = src_stride;
    ++rank;
  }
  void collapse();
};

// Row-major strides of a dense tensor.
void dense_strides(const Shape& shape, int64_t* strides);

// `dst` and `src` point at the elements with all indices 0.
void copy_strided(const KernelContext& ctx, DType dtype, void* dst, const void* src,
                  StridedCopy copy);

}  // namespace penstock
