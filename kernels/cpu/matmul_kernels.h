// The kernels of MatMul and BatchMatMul, over whatever multiplies: our own engine or a
// library's. `Multiply::run(allocator, product)` computes one product on the calling thread.
#pragma once

#include <complex>
#include <type_traits>
#include <utility>

#include "cpu/gemm.h"
#include "cpu/matmul.h"
#include "cpu/widened.h"
#include "runtime/kernel_registry.h"

namespace penstock {

template <class T, class Multiply>
class MatMul final : public Kernel {
 public:
  explicit MatMul(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    const Tensor& b = ctx.input(1);
    const MatrixSizes s = attrs_.sizes(a, b);
    Tensor& c = ctx.allocate_output(0, Shape{s.m, s.n});
    const auto whole = dense_product(s.m, s.n, s.k, a.data<T>(), attrs_.transpose_a, b.data<T>(),
                                     attrs_.transpose_b, c.template mutable_data<T>());
    parallel_multiply<Multiply>(ctx, whole);
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

template <class T, class Multiply>
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
    if (pairs.count < num_parts(ctx)) {
      for (int64_t i = 0; i < pairs.count; ++i) parallel_multiply<Multiply>(ctx, product(i));
      return;
    }
    ctx.parallel_for(pairs.count, product_cost(s.m, s.n, s.k), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Multiply::run(*ctx.session().allocator, product(i));
      }
    });
  }

 private:
  const BatchMatMulAttrs attrs_;
};

// Kernels of T for the ops that take dtype `dtypes`: T itself, or halves by widening.
template <class T, class Multiply, template <KernelFactory> class Wrap>
void add_matmul_kernels(KernelRegistry& r, const DTypeSet& dtypes, int priority,
                        const char* label) {
  r.add("MatMul", kCpu, {{"T", dtypes}}, Wrap<make<MatMul<T, Multiply>>>::factory, Cost::kHeavy,
        priority, label);
  for (const char* op : {"BatchMatMul", "BatchMatMulV2"}) {
    r.add(op, kCpu, {{"T", dtypes}}, Wrap<make<BatchMatMul<T, Multiply>>>::factory, Cost::kHeavy,
          priority, label);
  }
}

}  // namespace penstock
