// The image under a pooling window: sizes, and the walk over window positions.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "cpu/vector/pooling.h"
#include "cpu/window.h"
#include "runtime/kernel.h"

namespace penstock {

struct PoolImage {
  PoolImage(const WindowAttrs& attrs, const Shape& input);

  Shape input, output;
  WindowDim height, width;

  int64_t channels() const { return input[3]; }
  int64_t input_image() const { return input.product(1, 4); }  // elements of one image
  int64_t output_image() const { return output.product(1, 4); }

  // Calls visit(window, offset of its first element, offset of its result) for the positions
  // of output rows [begin, end), rows counted over all images.
  template <class Visit>
  void for_positions(int64_t begin, int64_t end, Visit&& visit) const {
    PoolWindow w;
    w.channels = channels();
    w.row_stride = width.input * w.channels;
    w.column_stride = w.channels;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / height.output, oh = row % height.output;
      const int64_t first = height.first(oh);
      w.rows = height.last(oh) - first;
      const int64_t line = image * input_image() + (height.start(oh) + first) * w.row_stride;
      for (int64_t ow = 0; ow < width.output; ++ow) {
        const int64_t left = width.first(ow);
        w.columns = width.last(ow) - left;
        visit(w, line + (width.start(ow) + left) * w.channels,
              (row * width.output + ow) * w.channels);
      }
    }
  }

  // Runs body(begin, end) over all output rows in parallel. With `adds_to_input`, pieces are
  // cut so that no two of them touch the same element of the input.
  template <class Body>
  void for_rows(const KernelContext& ctx, bool adds_to_input, Body&& body) const {
    const int64_t rows = input[0] * height.output;
    const double row_cost = 0.3 * static_cast<double>(width.output * channels()) *
                            static_cast<double>(height.window * width.window);
    if (!adds_to_input || height.stride >= height.window) {
      return ctx.parallel_for(rows, row_cost, body);
    }
    ctx.parallel_for(
        input[0], row_cost * static_cast<double>(height.output),
        [&](int64_t begin, int64_t end) { body(begin * height.output, end * height.output); });
  }
};

}  // namespace penstock
