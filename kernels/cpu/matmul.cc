// Matrix products: MatMul and the BatchMatMul family.
//
// One kernel for each number type; halves are widened to float. A transposed operand is read
// through its strides and never copied as a whole, except for a complex adjoint.
#include "cpu/matmul.h"

#include "cpu/matmul_kernels.h"
#include "cpu/register.h"

namespace penstock {

MatrixSizes matrix_sizes(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const int ra = a.rank(), rb = b.rank();
  MatrixSizes s;
  s.m = a.dim(transpose_a ? ra - 1 : ra - 2);
  s.k = a.dim(transpose_a ? ra - 2 : ra - 1);
  s.n = b.dim(transpose_b ? rb - 2 : rb - 1);
  const int64_t rows = b.dim(transpose_b ? rb - 1 : rb - 2);
  require(s.k == rows, "inner dimensions differ: ", s.k, " columns of input 0 ", a.shape(),
          transpose_a ? " transposed" : "", " against ", rows, " rows of input 1 ", b.shape(),
          transpose_b ? " transposed" : "");
  return s;
}

MatMulAttrs::MatMulAttrs(const NodeInfo& node)
    : transpose_a(node.attrs.get_or<bool>("transpose_a", false)),
      transpose_b(node.attrs.get_or<bool>("transpose_b", false)) {}

MatrixSizes MatMulAttrs::sizes(const Tensor& a, const Tensor& b) const {
  require(a.rank() == 2, "input 0 must be a matrix, got shape ", a.shape());
  require(b.rank() == 2, "input 1 must be a matrix, got shape ", b.shape());
  return matrix_sizes(a, transpose_a, b, transpose_b);
}

BatchMatMulAttrs::BatchMatMulAttrs(const NodeInfo& node)
    : adjoint_x(node.attrs.get_or<bool>("adj_x", false)),
      adjoint_y(node.attrs.get_or<bool>("adj_y", false)),
      broadcasts(node.op != "BatchMatMul") {}

BatchPairs::BatchPairs(const Tensor& x, const Tensor& y, bool broadcasts) {
  require(x.rank() >= 2, "input 0 must have at least 2 dimensions, got shape ", x.shape());
  require(y.rank() >= 2, "input 1 must have at least 2 dimensions, got shape ", y.shape());
  const Shape bx(x.shape().dims(), x.rank() - 2), by(y.shape().dims(), y.rank() - 2);
  require(broadcasts || bx == by, "batch dimensions differ: ", x.shape(), " and ", y.shape());
  batch = broadcasts ? broadcast_shapes(bx, by) : bx;
  count = batch.num_elements();
  const auto strides = [&](const Shape& own, int64_t* out) {
    const int offset = batch.rank() - own.rank();
    for (int d = 0; d < batch.rank(); ++d) {
      const bool repeats = d < offset || own[d - offset] == 1;
      out[d] = repeats ? 0 : own.product(d - offset + 1, own.rank());
    }
  };
  strides(bx, x_stride_);
  strides(by, y_stride_);
}

void BatchPairs::find(int64_t i, int64_t* x, int64_t* y) const {
  *x = *y = 0;
  for (int d = batch.rank() - 1; d >= 0; --d) {
    const int64_t at = i % batch[d];
    i /= batch[d];
    *x += at * x_stride_[d];
    *y += at * y_stride_[d];
  }
}

namespace {

template <class... Ts>
void add_portable(KernelRegistry& r) {
  (add_matmul_kernels<Ts, PortableProduct<Ts>, AsItIs>(r, dtype_of<Ts>, 0, "portable"), ...);
}

}  // namespace

void register_matmul(KernelRegistry& r) {
  add_portable<float, double, int32_t, int64_t, uint8_t, int8_t, int16_t, uint16_t, uint32_t,
               uint64_t, complex64, complex128>(r);
  add_matmul_kernels<float, PortableProduct<float>, ByWidening>(r, kHalf2, 0, "portable");
}

}  // namespace penstock
