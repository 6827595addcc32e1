// Softmax and log-softmax over the last dimension. The rows are computed in vector/softmax.cc.
#include "cpu/register.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

const SoftmaxRows& loops_for(DType dtype) {
  const SoftmaxLoops& loops = vector_table().softmax;
  return dtype == DType::kFloat32 ? loops.f32 : loops.f64;
}

template <bool of_logarithm>
void compute_softmax(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  require(x.rank() >= 1, "the logits must have at least 1 dimension, got a scalar");
  const int64_t n = x.dim(x.rank() - 1), rows = x.shape().product(0, x.rank() - 1);
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(ctx.forward_or_allocate(0, x.shape(), {0}).raw());
  const DType dtype = ctx.node().output_dtypes[0];
  const SoftmaxRows& loops = loops_for(dtype);
  const auto row = of_logarithm ? loops.log_softmax : loops.softmax;
  const int64_t row_bytes = n * static_cast<int64_t>(dtype_size(dtype));
  ctx.parallel_for(rows, 1.5 * static_cast<double>(n), [&](int64_t begin, int64_t end) {
    row(from + begin * row_bytes, to + begin * row_bytes, end - begin, n);
  });
}

template <bool of_logarithm>
void add(KernelRegistry& r, const char* op) {
  constexpr KernelFactory factory = function<compute_softmax<of_logarithm>>;
  r.add(op, kCpu, {{"T", kFloat2}}, factory);
  r.add(op, kCpu, {{"T", kHalf2}}, widened<factory>);
}

}  // namespace

void register_softmax(KernelRegistry& r) {
  add<false>(r, "Softmax");
  add<true>(r, "LogSoftmax");
}

}  // namespace penstock
