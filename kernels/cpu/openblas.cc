// MatMul and BatchMatMul through OpenBLAS, and the products behind its convolutions.
//
// Linked where oneDNN is not. The library's own threads stay out of it: they would compete
// with our pool, which has already cut the product.
#ifdef PENSTOCK_OPENBLAS
#include "cpu/openblas.h"

#include <cblas.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include "cpu/matmul_kernels.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// An operand in the library's words: whether it is stored transposed, and the distance from
// one of its stored lines to the next.
struct Operand {
  bool known = true;
  CBLAS_TRANSPOSE order = CblasNoTrans;
  int64_t stride = 1;
};

// Of a single line the distance to the next is whatever the library accepts.
Operand operand(int64_t rows, int64_t columns, int64_t row, int64_t column) {
  if (column == 1) return {true, CblasNoTrans, std::max(row, columns)};
  return {row == 1, CblasTrans, std::max(column, rows)};
}

bool fits(std::initializer_list<int64_t> numbers) {
  return std::max(numbers) <= std::numeric_limits<blasint>::max();
}

// Whether the library is the faster one: real products it likes neither small nor thin; our
// own complex ones are a plain loop.
template <class T>
bool favours(const Product<T>& p) {
  const int64_t multiplications = p.m * p.n * p.k;
  if (!std::is_floating_point_v<T>) return multiplications > 8 * 1024;
  return multiplications > 128 * 1024 && std::min(p.m, p.n) >= 32;
}

template <class T>
void call(const Product<T>& p, const Operand& a, const Operand& b) {
  const T one(1), sum(p.accumulate ? 1 : 0);
  const auto m = static_cast<blasint>(p.m), n = static_cast<blasint>(p.n);
  const auto k = static_cast<blasint>(p.k), c_row = static_cast<blasint>(p.c_row);
  const auto lda = static_cast<blasint>(a.stride), ldb = static_cast<blasint>(b.stride);
  const auto with = [&](auto gemm, auto alpha, auto beta) {
    gemm(CblasRowMajor, a.order, b.order, m, n, k, alpha, p.a, lda, p.b, ldb, beta, p.c, c_row);
  };
  if constexpr (std::is_same_v<T, float>) with(scipy_cblas_sgemm, one, sum);
  if constexpr (std::is_same_v<T, double>) with(scipy_cblas_dgemm, one, sum);
  if constexpr (std::is_same_v<T, complex64>) with(scipy_cblas_cgemm, &one, &sum);
  if constexpr (std::is_same_v<T, complex128>) with(scipy_cblas_zgemm, &one, &sum);
}

template <class T>
void add_kernels(KernelRegistry& r) {
  add_matmul_kernels<T, BlasProduct<T>, AsItIs>(r, dtype_of<T>, 5, "openblas");
}

}  // namespace

template <class T>
void BlasProduct<T>::run(Allocator& allocator, const Product<T>& p) {
  const Operand a = operand(p.m, p.k, p.a_row, p.a_column);
  const Operand b = operand(p.k, p.n, p.b_row, p.b_column);
  const bool takes = a.known && b.known && fits({p.m, p.n, p.k, a.stride, b.stride, p.c_row});
  if (!takes || !favours(p)) return multiply(allocator, p);
  call(p, a, b);
}

template struct BlasProduct<float>;
template struct BlasProduct<double>;
template struct BlasProduct<complex64>;
template struct BlasProduct<complex128>;

std::string openblas_version() {
  const std::string text = scipy_openblas_get_config();  // name, version, then how it was built
  return text.substr(0, text.find(' ', text.find(' ') + 1));
}

void register_openblas_matmul(KernelRegistry& r) {
  scipy_openblas_set_num_threads(1);
  add_kernels<float>(r);
  add_kernels<double>(r);
  add_kernels<complex64>(r);
  add_kernels<complex128>(r);
  add_matmul_kernels<float, BlasProduct<float>, ByWidening>(r, kHalf2, 5, "openblas");
}

}  // namespace penstock
#endif
