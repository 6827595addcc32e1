// Loops over matrices with parameters of each column. See table.h for how this is compiled.
#include "cpu/vector/normalization.h"

namespace penstock::PENSTOCK_ISA {
namespace {

void add_squares(const float* x, const float* mean, int64_t rows, int64_t columns, float* acc) {
  for (int64_t i = 0; i < rows; ++i, x += columns) {
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) {
      const float d = x[j] - mean[j];
      acc[j] += d * d;
    }
  }
}

void add_products(const float* dy, const float* x, const float* mean, int64_t rows, int64_t columns,
                  float* acc) {
  for (int64_t i = 0; i < rows; ++i, x += columns, dy += columns) {
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) acc[j] += dy[j] * (x[j] - mean[j]);
  }
}

void normalize(const float* x, const float* mean, const float* scale, const float* offset,
               int64_t rows, int64_t columns, float* y) {
  for (int64_t i = 0; i < rows; ++i, x += columns, y += columns) {
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) y[j] = (x[j] - mean[j]) * scale[j] + offset[j];
  }
}

void gradient(const float* dy, const float* x, const float* mean, const float* base,
              const float* slope, const float* scale, int64_t rows, int64_t columns, float* dx) {
  for (int64_t i = 0; i < rows; ++i, x += columns, dy += columns, dx += columns) {
#pragma GCC ivdep
    for (int64_t j = 0; j < columns; ++j) {
      dx[j] = (dy[j] - base[j] - (x[j] - mean[j]) * slope[j]) * scale[j];
    }
  }
}

}  // namespace

void fill(NormalizationLoops& loops);
void fill(NormalizationLoops& loops) {
  loops.add_squares = add_squares;
  loops.add_products = add_products;
  loops.normalize = normalize;
  loops.gradient = gradient;
}

}  // namespace penstock::PENSTOCK_ISA
