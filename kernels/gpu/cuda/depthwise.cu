// Depthwise convolution of NHWC images and its gradients: a filter [rows, columns, channels,
// multiplier] makes `multiplier` outputs of each channel.
//
// In the gradient of the filter a block sums over all positions for one filter element; the number
// of its threads is a power of two.
#include "cuda/window.h"

extern "C" __global__ void depthwise(const T* x, const T* filter, T* y, int64 multiplier, WINDOW) {
  const Window w = WINDOW_GIVEN;
  const int64 made = w.channels * multiplier;
  const int64 n = w.batch * w.out_rows * w.out_columns * made;
  for (int64 f = first_item(); f < n; f += items_at_once()) {
    const Pixel at(f, w.out_rows, w.out_columns, made);
    A sum = A(0);
    for (int64 i = 0; i < w.window_rows; ++i) {
      for (int64 j = 0; j < w.window_columns; ++j) {
        const int64 r = w.row(at.r, i), c = w.column(at.c, j);
        if (!w.has(r, c)) continue;
        sum += load(x[w.input_at(at.n, r, c) + at.k / multiplier]) *
               load(filter[(i * w.window_columns + j) * made + at.k]);
      }
    }
    store(y[f], sum);
  }
}

extern "C" __global__ void depthwise_input_grad(const T* filter, const T* dy, T* dx,
                                                int64 multiplier, WINDOW) {
  const Window w = WINDOW_GIVEN;
  const int64 made = w.channels * multiplier;
  const int64 n = w.batch * w.rows * w.columns * w.channels;
  for (int64 f = first_item(); f < n; f += items_at_once()) {
    const Pixel at(f, w.rows, w.columns, w.channels);
    A sum = A(0);
    for (int64 i = w.window_rows - 1; i >= 0; --i) {
      const int64 o = w.row_position(at.r, i);
      for (int64 j = w.window_columns - 1; o >= 0 && j >= 0; --j) {
        const int64 p = w.column_position(at.c, j);
        for (int64 m = 0; p >= 0 && m < multiplier; ++m) {
          const int64 k = at.k * multiplier + m;
          sum += load(dy[w.output_at(at.n, o, p) * made + k]) *
                 load(filter[(i * w.window_columns + j) * made + k]);
        }
      }
    }
    store(dx[f], sum);
  }
}

// blockIdx.x is the number of the filter element.
extern "C" __global__ void depthwise_filter_grad(const T* x, const T* dy, T* df, int64 multiplier,
                                                 WINDOW) {
  __shared__ A shared[1024];
  const Window w = WINDOW_GIVEN;
  const int64 made = w.channels * multiplier, k = blockIdx.x % made;
  const int64 i = blockIdx.x / made / w.window_columns, j = blockIdx.x / made % w.window_columns;
  A sum = A(0);
  for (int64 f = threadIdx.x; f < w.batch * w.out_rows * w.out_columns; f += blockDim.x) {
    const Pixel at(f, w.out_rows, w.out_columns, 1);
    const int64 r = w.row(at.r, i), c = w.column(at.c, j);
    if (!w.has(r, c)) continue;
    sum += load(x[w.input_at(at.n, r, c) + k / multiplier]) * load(dy[f * made + k]);
  }
  shared[threadIdx.x] = sum;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) store(df[blockIdx.x], shared[0]);
}
