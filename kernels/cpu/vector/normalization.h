// Sums over the rows of a [rows, columns] matrix about a mean of each column, and maps with
// parameters of each column: what batch normalisation is made of. See table.h.
#pragma once

#include <stdint.h>

namespace penstock {

struct NormalizationLoops {
  // acc[j] += the sum over rows of (x - mean[j])².
  void (*add_squares)(const float* x, const float* mean, int64_t rows, int64_t columns, float* acc);
  // acc[j] += the sum over rows of dy * (x - mean[j]).
  void (*add_products)(const float* dy, const float* x, const float* mean, int64_t rows,
                       int64_t columns, float* acc);
  // y = (x - mean[j]) * scale[j] + offset[j].
  void (*normalize)(const float* x, const float* mean, const float* scale, const float* offset,
                    int64_t rows, int64_t columns, float* y);
  // dx = (dy - base[j] - (x - mean[j]) * slope[j]) * scale[j].
  void (*gradient)(const float* dy, const float* x, const float* mean, const float* base,
                   const float* slope, const float* scale, int64_t rows, int64_t columns,
                   float* dx);
};

}  // namespace penstock
