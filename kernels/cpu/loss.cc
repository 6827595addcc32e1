// Losses: the two cross entropies with logits, which also leave their gradient behind, and
// half the sum of squares.
#include "cpu/axes.h"
#include "cpu/reduce.h"
#include "cpu/register.h"
#include "cpu/strided.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

template <class T>
const SoftmaxRows& loops() {
  if constexpr (std::is_same_v<T, float>) return vector_table().softmax.f32;
  return vector_table().softmax.f64;
}

double row_cost(int64_t n) { return 20.0 + 2.0 * static_cast<double>(n); }

// The matrix `x`, repeated where it has one row or one column and `shape` has more.
Tensor broadcast_matrix(const KernelContext& ctx, const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Tensor out = ctx.allocate_temp(x.dtype(), shape);
  StridedCopy copy;
  copy.add(shape[0], shape[1], x.dim(0) == 1 ? 0 : x.dim(1));
  copy.add(shape[1], 1, x.dim(1) == 1 ? 0 : 1);
  copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
  return out;
}

template <class T>
void compute_cross_entropy(KernelContext& ctx) {
  for (int i = 0; i < 2; ++i) {
    require(ctx.input(i).rank() == 2, i == 0 ? "the logits" : "the labels",
            " must be a matrix [batch, classes], got shape ", ctx.input(i).shape());
  }
  const Shape shape = broadcast_shapes(ctx.input(0).shape(), ctx.input(1).shape());
  const int64_t rows = shape[0], n = shape[1];
  T* loss = ctx.allocate_output(0, Shape{rows}).template mutable_data<T>();
  const bool whole = ctx.input(0).shape() == shape;  // then the slope may replace the logits
  Tensor repeated;
  if (!whole) repeated = broadcast_matrix(ctx, ctx.input(0), shape);
  const T* logits = whole ? ctx.input(0).data<T>() : repeated.data<T>();
  const Tensor labels = broadcast_matrix(ctx, ctx.input(1), shape);
  T* slope = (whole ? ctx.forward_or_allocate(1, shape, {0}) : ctx.allocate_output(1, shape))
                 .template mutable_data<T>();
  if (n == 0) return std::fill(loss, loss + rows, T(0));
  if (rows == 0) return;
  ctx.parallel_for(rows, row_cost(n), [&](int64_t begin, int64_t end) {
    loops<T>().cross_entropy(logits + begin * n, labels.data<T>() + begin * n, loss + begin,
                             slope + begin * n, end - begin, n);
  });
}

// The classes as int64, each checked to be one of `n`.
Tensor checked_classes(const KernelContext& ctx, const Tensor& labels, int64_t n) {
  Tensor out = ctx.allocate_temp(DType::kInt64, labels.shape());
  int64_t* classes = out.mutable_data<int64_t>();
  for (int64_t i = 0; i < labels.num_elements(); ++i) {
    classes[i] = int_at(labels, i);
    require(classes[i] >= 0 && classes[i] < n, "label ", classes[i], " at position ", i,
            " is outside the valid range [0, ", n, ")");
  }
  return out;
}

template <class T>
void compute_sparse_cross_entropy(KernelContext& ctx) {
  const Tensor& logits = ctx.input(0);
  const Tensor& labels = ctx.input(1);
  require(logits.rank() == 2, "the logits must be a matrix [batch, classes], got shape ",
          logits.shape());
  require(labels.rank() == 1, "the labels must be a vector [batch], got shape ", labels.shape());
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  require(labels.dim(0) == rows, "the logits ", logits.shape(), " have ", rows,
          " rows, but there are ", labels.dim(0), " labels");
  require(n > 0, "the logits must have at least one class, got shape ", logits.shape());
  const Tensor classes = checked_classes(ctx, labels, n);
  T* loss = ctx.allocate_output(0, Shape{rows}).template mutable_data<T>();
  const T* x = logits.data<T>();
  T* slope = ctx.forward_or_allocate(1, Shape{rows, n}, {0}).template mutable_data<T>();
  ctx.parallel_for(rows, row_cost(n), [&](int64_t begin, int64_t end) {
    loops<T>().sparse_cross_entropy(x + begin * n, classes.data<int64_t>() + begin, loss + begin,
                                    slope + begin * n, end - begin, n);
  });
}

template <class T>
void compute_l2_loss(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor flat = x.reshaped(Shape{x.num_elements()});
  ReducedAxes axes;
  axes.mask = 1;
  axes.count = x.num_elements();
  const Tensor sum = reduce(ctx, folding_of(FoldKind::kSumSquares, dtype_of<T>), flat, axes);
  *ctx.allocate_output(0, Shape()).template mutable_data<T>() = sum.scalar<T>() / T(2);
}

template <ComputeFn f32, ComputeFn f64>
void add(KernelRegistry& r, const char* op) {
  r.add(op, kCpu, {{"T", DType::kFloat32}}, function<f32>);
  r.add(op, kCpu, {{"T", DType::kFloat64}}, function<f64>);
  r.add(op, kCpu, {{"T", kHalf2}}, widened<function<f32>>);
}

}  // namespace

void register_loss(KernelRegistry& r) {
  add<compute_cross_entropy<float>, compute_cross_entropy<double>>(r,
                                                                   "SoftmaxCrossEntropyWithLogits");
  add<compute_sparse_cross_entropy<float>, compute_sparse_cross_entropy<double>>(
      r, "SparseSoftmaxCrossEntropyWithLogits");
  add<compute_l2_loss<float>, compute_l2_loss<double>>(r, "L2Loss");
}

}  // namespace penstock
