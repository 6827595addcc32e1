// A window that slides over an image: what convolutions, pooling and their gradients share.
//
// Images are NHWC here; the channels-first layout is a wrapper around (channels_first.h).
// Attributes are checked when the kernel is made, sizes when it runs: InvalidArgument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/shape.h"
#include "runtime/kernel.h"

namespace penstock {

// One spatial dimension. Window position `o` covers inputs o * stride - before + i * dilation
// for i in [0, window); those outside [0, input) are padding.
struct WindowDim {
  int64_t input;
  int64_t window;
  int64_t stride;
  int64_t dilation;
  int64_t output;
  int64_t before;  // padding
  int64_t after;

  int64_t start(int64_t o) const { return o * stride - before; }
  // The window elements [first, last) of position `o` that lie on the input.
  int64_t first(int64_t o) const {
    const int64_t s = start(o);
    return s >= 0 ? 0 : std::min(window, (-s + dilation - 1) / dilation);
  }
  int64_t last(int64_t o) const {
    const int64_t room = input - start(o);
    return room <= 0 ? 0 : std::min(window, (room + dilation - 1) / dilation);
  }
  // Every element of the input lies in exactly one window.
  bool tiles() const { return stride == window && dilation == 1 && start(output) >= input; }
};

enum class Padding { kSame, kValid, kExplicit };

// `strides`, `dilations`, `padding`, `explicit_paddings` and, for pooling, `ksize`.
struct WindowAttrs {
  explicit WindowAttrs(const NodeInfo& node);
  // Dimension 0 (height) or 1 (width) of an image of `input` under `window` elements.
  WindowDim along(int dimension, int64_t input, int64_t window) const;

  int64_t stride[2];
  int64_t dilation[2] = {1, 1};
  int64_t ksize[2] = {1, 1};
  Padding padding;
  int64_t explicit_padding[2][2] = {{0, 0}, {0, 0}};  // before, after
};

}  // namespace penstock
