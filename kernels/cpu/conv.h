// The sizes of a two-dimensional convolution, NHWC images and HWIO filters, checked.
//
// Used by the portable kernels, the depthwise ones and those of a library.
#pragma once

#include <cstdint>
#include <memory>

#include "core/tensor.h"
#include "cpu/channels_first.h"
#include "cpu/window.h"

namespace penstock {

struct ConvSizes {
  int64_t batch;
  int64_t in_channels;
  int64_t out_channels;
  WindowDim height, width;

  int64_t pixels() const { return height.output * width.output; }  // of one output image
  int64_t patch() const { return height.window * width.window * in_channels; }
  Shape input_shape() const { return {batch, height.input, width.input, in_channels}; }
  Shape output_shape() const { return {batch, height.output, width.output, out_channels}; }
  Shape filter_shape() const { return {height.window, width.window, in_channels, out_channels}; }
  bool is_empty() const {
    return batch == 0 || pixels() == 0 || in_channels == 0 || out_channels == 0;
  }
  // A 1x1 window that visits every pixel: a matrix product.
  bool is_pointwise() const;
};

ConvSizes conv_sizes(const WindowAttrs& attrs, const Shape& input, const Shape& filter);
// The same, and `out_backprop` must be shaped like the output.
ConvSizes conv_sizes(const WindowAttrs& attrs, const Shape& input, const Shape& filter,
                     const Shape& out_backprop);
// The first operand of Conv2DBackpropInput: sizes [batch, height, width, channels], or only
// [height, width].
Shape input_shape_from(const Tensor& sizes, const Tensor& filter, const Tensor& out_backprop);

// How many partial sums a gradient with respect to a filter is made of: one for each thread,
// or, when results must not depend on threads, a number that depends on the batch alone.
int64_t num_partial_sums(const KernelContext& ctx, int64_t batch);

// The portable float32 kernel of an NHWC node: what a library's kernel falls back on.
std::unique_ptr<Kernel> make_portable_conv(const NodeInfo& node);

inline constexpr ImageRoles kConvRoles = {"i-", "i"};
inline constexpr ImageRoles kConvInputRoles = {"s-i", "i"};
inline constexpr ImageRoles kConvFilterRoles = {"i-i", "-"};

}  // namespace penstock
