// One window position of a depthwise convolution over all channels. See table.h.
//
// `filter` points at the filter's numbers for the window's first element; the filter is
// `filter_columns` wide, with the window's channels innermost.
#pragma once

#include <stdint.h>

#include "cpu/vector/pooling.h"

namespace penstock {

struct DepthwiseFns {
  // y[c] = the sum over the window of x * filter.
  void (*forward)(const PoolWindow& window, int64_t filter_columns, const void* x,
                  const void* filter, void* y);
  // dx += dy[c] * filter, over the window.
  void (*add_to_input)(const PoolWindow& window, int64_t filter_columns, const void* dy,
                       const void* filter, void* dx);
  // df += dy[c] * x, over the window.
  void (*add_to_filter)(const PoolWindow& window, int64_t filter_columns, const void* dy,
                        const void* x, void* df);
};

struct DepthwiseLoops {
  DepthwiseFns f32;
  DepthwiseFns f64;
};

}  // namespace penstock
