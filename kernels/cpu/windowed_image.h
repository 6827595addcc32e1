// An NHWC image under a sliding window: the walk over window positions that pooling and
// depthwise convolution share.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "cpu/vector/pooling.h"
#include "cpu/window.h"
#include "runtime/kernel.h"

namespace penstock {

struct WindowedImage {
  Shape input, output;  // with the same channels
  WindowDim height, width;

  int64_t channels() const { return input[3]; }
  int64_t window_elements() const { return height.window * width.window; }

  // Calls visit(window, offset of its first element on the image, offset of its result, number
  // of that first element within the whole window) for the positions of output rows
  // [begin, end), rows counted over all images.
  template <class Visit>
  void for_positions(int64_t begin, int64_t end, Visit&& visit) const {
    PoolWindow w;
    w.channels = channels();
    const int64_t line = width.input * w.channels;
    w.row_stride = height.dilation * line;
    w.column_stride = width.dilation * w.channels;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / height.output, oh = row % height.output;
      const int64_t top = height.first(oh);
      w.rows = height.last(oh) - top;
      const int64_t y = image * height.input + height.start(oh) + top * height.dilation;
      for (int64_t ow = 0; ow < width.output; ++ow) {
        const int64_t left = width.first(ow);
        w.columns = width.last(ow) - left;
        const int64_t x = width.start(ow) + left * width.dilation;
        visit(w, y * line + x * w.channels, (row * width.output + ow) * w.channels,
              top * width.window + left);
      }
    }
  }

  // Runs body(begin, end) over all output rows in parallel. With `adds_to_input`, pieces are
  // cut so that no two of them touch the same element of the input.
  template <class Body>
  void for_rows(const KernelContext& ctx, bool adds_to_input, Body&& body) const {
    const int64_t rows = input[0] * height.output;
    const double row_cost =
        0.3 * static_cast<double>(width.output * channels() * window_elements());
    if (!adds_to_input || height.stride >= (height.window - 1) * height.dilation + 1) {
      return ctx.parallel_for(rows, row_cost, body);
    }
    ctx.parallel_for(
        input[0], row_cost * static_cast<double>(height.output),
        [&](int64_t begin, int64_t end) { body(begin * height.output, end * height.output); });
  }
};

}  // namespace penstock
