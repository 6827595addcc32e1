// Matrix products of strided operands: the portable engine behind MatMul and Conv2D.
//
// `multiply` runs on the calling thread, `parallel_multiply` splits the result over the pool.
// float, double and int32 go through the register tiles of vector/gemm.h; every other number
// type through a plain loop. Sums are taken in an order that depends on the sizes and the
// instruction set only, not on threads: an element is always summed by one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/allocator.h"
#include "runtime/kernel.h"

namespace penstock {

// C = A·B, or C += A·B. C is row-major; A and B are read through their strides, so either
// may be transposed. Nothing overlaps C.
template <class T>
struct Product {
  int64_t m, n, k;
  const T* a;  // element (i, p) is a[i * a_row + p * a_column]
  int64_t a_row, a_column;
  const T* b;  // element (p, j) is b[p * b_row + j * b_column]
  int64_t b_row, b_column;
  T* c;  // element (i, j) is c[i * c_row + j]
  int64_t c_row;
  bool accumulate = false;

  // The part of C that rows [i, i + rows) and columns [j, j + columns) make.
  Product part(int64_t i, int64_t rows, int64_t j, int64_t columns) const {
    Product p = *this;
    p.m = rows;
    p.n = columns;
    p.a += i * a_row;
    p.b += j * b_column;
    p.c += i * c_row + j;
    return p;
  }
};

// Dense row-major C[m, n] = A[m, k]·B[k, n], where A or B is stored transposed on request.
template <class T>
Product<T> dense_product(int64_t m, int64_t n, int64_t k, const T* a, bool transpose_a, const T* b,
                         bool transpose_b, T* c) {
  return {m,
          n,
          k,
          a,
          transpose_a ? 1 : k,
          transpose_a ? m : 1,
          b,
          transpose_b ? 1 : n,
          transpose_b ? k : 1,
          c,
          n};
}

template <class T>
void multiply(Allocator& allocator, const Product<T>& product);

// Our own engine as what kernels are given to multiply with; a library's has the same face.
template <class T>
struct PortableProduct {
  static void run(Allocator& allocator, const Product<T>& product) { multiply(allocator, product); }
};

// Estimated nanoseconds of a product on one thread.
inline double product_cost(int64_t m, int64_t n, int64_t k) {
  return 20.0 + 0.02 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

// How many parts a kernel cuts its work into where their number may show in the last bits of a
// result: one for each thread, or always as many when results must not depend on threads.
inline int64_t num_parts(const KernelContext& ctx) {
  constexpr int64_t kFixed = 8;
  return ctx.session().deterministic ? kFixed : ctx.session().intra_pool->num_threads();
}

// Calls run(part) for parts of C, one for each thread that is worth its while, cut where the
// larger side of C is.
template <class T, class Run>
void split_product(const KernelContext& ctx, const Product<T>& whole, Run&& run) {
  constexpr int64_t kGrain = 16;
  const bool by_rows = whole.m > whole.n;
  const int64_t size = by_rows ? whole.m : whole.n;
  const double cost = product_cost(whole.m, whole.n, whole.k);
  const int64_t pieces = std::max<int64_t>(1, std::min(num_parts(ctx), size / kGrain));
  const int64_t step = ((size + pieces - 1) / pieces + kGrain - 1) / kGrain * kGrain;
  const auto run_pieces = [&](int64_t first, int64_t last) {
    const int64_t begin = std::min(size, first * step);
    const int64_t count = std::min(size, last * step) - begin;
    if (count <= 0) return;
    run(by_rows ? whole.part(begin, count, 0, whole.n) : whole.part(0, whole.m, begin, count));
  };
  const bool one_by_one = ctx.session().deterministic;  // neighbours are joined otherwise
  ctx.parallel_for(pieces, cost / static_cast<double>(pieces), [&](int64_t first, int64_t last) {
    if (!one_by_one) return run_pieces(first, last);
    for (int64_t i = first; i < last; ++i) run_pieces(i, i + 1);
  });
}

template <class Multiply, class T>
void parallel_multiply(const KernelContext& ctx, const Product<T>& whole) {
  split_product(ctx, whole,
                [&](const Product<T>& part) { Multiply::run(*ctx.session().allocator, part); });
}

}  // namespace penstock
