// Between images and matrices of patches, so that a convolution is a product of matrices.
//
// The matrix is [batch * out_rows * out_columns, window_rows * window_columns * channels]. The way
// back adds up the patches that cover a pixel, in a fixed order.
#include "cuda/window.h"

extern "C" __global__ void image_to_patches(const T* x, T* patches, WINDOW) {
  const Window w = WINDOW_GIVEN;
  const int64 depth = w.window_rows * w.window_columns * w.channels;
  const int64 n = w.batch * w.out_rows * w.out_columns * depth;
  for (int64 f = first_item(); f < n; f += items_at_once()) {
    const Pixel at(f / depth, w.out_rows, w.out_columns, 1);
    const Pixel in(f % depth, w.window_rows, w.window_columns, w.channels);
    const int64 r = w.row(at.r, in.r), c = w.column(at.c, in.c);
    T value;
    store(value, A(0));
    if (w.has(r, c)) value = x[w.input_at(at.n, r, c) + in.k];
    patches[f] = value;
  }
}

extern "C" __global__ void patches_to_image(const T* patches, T* x, WINDOW) {
  const Window w = WINDOW_GIVEN;
  const int64 n = w.batch * w.rows * w.columns * w.channels;
  for (int64 f = first_item(); f < n; f += items_at_once()) {
    const Pixel at(f, w.rows, w.columns, w.channels);
    A sum = A(0);
    for (int64 i = w.window_rows - 1; i >= 0; --i) {
      const int64 o = w.row_position(at.r, i);
      for (int64 j = w.window_columns - 1; o >= 0 && j >= 0; --j) {
        const int64 p = w.column_position(at.c, j);
        if (p < 0) continue;
        const int64 patch = w.output_at(at.n, o, p) * w.window_rows * w.window_columns;
        sum += load(patches[(patch + i * w.window_columns + j) * w.channels + at.k]);
      }
    }
    store(x[f], sum);
  }
}
