// Matrix products: MatMul and the BatchMatMul family.
//
// One kernel for each number type; halves are widened to float. A transposed operand is read
// through its strides and never copied as a whole, except for a complex adjoint.
#include "cpu/matmul.h"

#include <complex>

#include "cpu/gemm.h"
#include "cpu/register.h"
#include "cpu/widened.h"

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

template <class T>
class MatMul final : public Kernel {
 public:
  explicit MatMul(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    const Tensor& b = ctx.input(1);
    const MatrixSizes s = attrs_.sizes(a, b);
    Tensor& c = ctx.allocate_output(0, Shape{s.m, s.n});
    parallel_multiply(ctx, dense_product(s.m, s.n, s.k, a.data<T>(), attrs_.transpose_a,
                                         b.data<T>(), attrs_.transpose_b, c.mutable_data<T>()));
  }

 private:
  const MatMulAttrs attrs_;
};

// The operand with its elements conjugated when an adjoint asks for it.
template <class T>
Tensor conjugated(const KernelContext& ctx, const Tensor& t, bool adjoint) {
  if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) {
    if (adjoint) {
      Tensor out = ctx.allocate_temp(t.dtype(), t.shape());
      const T* from = t.data<T>();
      T* to = out.mutable_data<T>();
      for (int64_t i = 0, n = t.num_elements(); i < n; ++i) to[i] = std::conj(from[i]);
      return out;
    }
  }
  return t;
}

template <class T>
class BatchMatMul final : public Kernel {
 public:
  explicit BatchMatMul(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const BatchPairs pairs(ctx.input(0), ctx.input(1), attrs_.broadcasts);
    const MatrixSizes s =
        matrix_sizes(ctx.input(0), attrs_.adjoint_x, ctx.input(1), attrs_.adjoint_y);
    Shape shape = pairs.batch;
    shape.push_back(s.m);
    shape.push_back(s.n);
    T* c = ctx.allocate_output(0, shape).template mutable_data<T>();
    const Tensor x = conjugated<T>(ctx, ctx.input(0), attrs_.adjoint_x);
    const Tensor y = conjugated<T>(ctx, ctx.input(1), attrs_.adjoint_y);
    const auto product = [&](int64_t i) {
      int64_t of_x, of_y;
      pairs.find(i, &of_x, &of_y);
      return dense_product(s.m, s.n, s.k, x.data<T>() + of_x * s.m * s.k, attrs_.adjoint_x,
                           y.data<T>() + of_y * s.k * s.n, attrs_.adjoint_y, c + i * s.m * s.n);
    };
    if (pairs.count < ctx.session().intra_pool->num_threads()) {
      for (int64_t i = 0; i < pairs.count; ++i) parallel_multiply(ctx, product(i));
      return;
    }
    ctx.parallel_for(pairs.count, product_cost(s.m, s.n, s.k), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) multiply(*ctx.session().allocator, product(i));
    });
  }

 private:
  const BatchMatMulAttrs attrs_;
};

template <class T>
void add_for(KernelRegistry& r) {
  r.add("MatMul", kCpu, {{"T", dtype_of<T>}}, make<MatMul<T>>, Cost::kHeavy);
  for (const char* op : {"BatchMatMul", "BatchMatMulV2"}) {
    r.add(op, kCpu, {{"T", dtype_of<T>}}, make<BatchMatMul<T>>, Cost::kHeavy);
  }
}

template <class... Ts>
void add_for_each(KernelRegistry& r) {
  (add_for<Ts>(r), ...);
}

}  // namespace

void register_matmul(KernelRegistry& r) {
  add_for_each<float, double, int32_t, int64_t, uint8_t, int8_t, int16_t, uint16_t, uint32_t,
               uint64_t, complex64, complex128>(r);
  r.add("MatMul", kCpu, {{"T", kHalf2}}, widened<make<MatMul<float>>>, Cost::kHeavy);
  for (const char* op : {"BatchMatMul", "BatchMatMulV2"}) {
    r.add(op, kCpu, {{"T", kHalf2}}, widened<make<BatchMatMul<float>>>, Cost::kHeavy);
  }
}

}  // namespace penstock
