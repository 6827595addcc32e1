// A window that slides over an NHWC image: the numbers that pooling and convolutions share.
//
// Window position (o, p) covers input rows o * row_stride - top + i * row_dilation for i in
// [0, window_rows), and columns likewise; what lies outside of the image is padding.
#pragma once

#include "cuda/element.h"

struct Window {
  int64 batch, rows, columns, channels;  // the image
  int64 out_rows, out_columns;
  int64 window_rows, window_columns;
  int64 row_stride, column_stride;
  int64 row_dilation, column_dilation;
  int64 top, left;  // padding before

  __device__ int64 row(int64 o, int64 i) const { return o * row_stride - top + i * row_dilation; }
  __device__ int64 column(int64 p, int64 j) const {
    return p * column_stride - left + j * column_dilation;
  }
  __device__ bool has(int64 r, int64 c) const {
    return r >= 0 && r < rows && c >= 0 && c < columns;
  }
  __device__ int64 input_at(int64 n, int64 r, int64 c) const {
    return ((n * rows + r) * columns + c) * channels;
  }
  __device__ int64 output_at(int64 n, int64 o, int64 p) const {
    return (n * out_rows + o) * out_columns + p;
  }
  // The window position that puts its element i (of a dimension) on input x, or -1.
  __device__ static int64 position(int64 x, int64 i, int64 before, int64 stride, int64 dilation,
                                   int64 count) {
    const int64 start = x + before - i * dilation;
    return start >= 0 && start % stride == 0 && start / stride < count ? start / stride : -1;
  }
  __device__ int64 row_position(int64 r, int64 i) const {
    return position(r, i, top, row_stride, row_dilation, out_rows);
  }
  __device__ int64 column_position(int64 c, int64 j) const {
    return position(c, j, left, column_stride, column_dilation, out_columns);
  }
};

// Where element `flat` of a tensor [batch, height, width, depth] is.
struct Pixel {
  int64 n, r, c, k;
  __device__ Pixel(int64 flat, int64 height, int64 width, int64 depth) {
    k = flat % depth;
    flat /= depth;
    c = flat % width;
    flat /= width;
    r = flat % height;
    n = flat / height;
  }
};

#define WINDOW                                                                               \
  int64 batch, int64 rows, int64 columns, int64 channels, int64 out_rows, int64 out_columns, \
      int64 window_rows, int64 window_columns, int64 row_stride, int64 column_stride,        \
      int64 row_dilation, int64 column_dilation, int64 top, int64 left
#define WINDOW_GIVEN                                                                    \
  Window {                                                                              \
    batch, rows, columns, channels, out_rows, out_columns, window_rows, window_columns, \
        row_stride, column_stride, row_dilation, column_dilation, top, left             \
  }
