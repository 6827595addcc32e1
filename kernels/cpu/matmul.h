// The two operands of MatMul and BatchMatMul, checked: shared by the portable kernels and
// those of a library.
#pragma once

#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

struct MatrixSizes {
  int64_t m, n, k;
};

// The sizes of the product of two matrices, the last two dimensions of their tensors.
// InvalidArgument unless the inner dimensions agree.
MatrixSizes matrix_sizes(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b);

// Attributes and operands of one MatMul.
struct MatMulAttrs {
  explicit MatMulAttrs(const NodeInfo& node);
  MatrixSizes sizes(const Tensor& a, const Tensor& b) const;
  bool transpose_a, transpose_b;
};

// How the batch dimensions of two operands broadcast against each other.
struct BatchPairs {
  BatchPairs(const Tensor& x, const Tensor& y, bool broadcasts);
  // The matrices of x and y that make matrix `i` of the result.
  void find(int64_t i, int64_t* x, int64_t* y) const;

  Shape batch;
  int64_t count = 1;

 private:
  int64_t x_stride_[kMaxRank], y_stride_[kMaxRank];
};

struct BatchMatMulAttrs {
  explicit BatchMatMulAttrs(const NodeInfo& node);
  bool adjoint_x, adjoint_y;
  bool broadcasts;  // V2 and later
};

}  // namespace penstock
