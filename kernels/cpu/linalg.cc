// Square matrices: Cholesky factors, determinants, inverses, systems of equations.
//
// Stacks of matrices, one after the other in parallel. Elimination is with row exchanges for the
// largest pivot; inner loops run along rows. A matrix without an inverse is InvalidArgument
// where one is asked for; its determinant is 0.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpu/matmul.h"
#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
template <class T>
using Real = typename RealOf<T>::type;

template <class T>
T conj_of(const T& x) {
  if constexpr (std::is_same_v<T, Real<T>>)
    return x;
  else
    return std::conj(x);
}

void require_square(const Tensor& t, const char* what) {
  require(t.rank() >= 2 && t.dim(t.rank() - 1) == t.dim(t.rank() - 2), what,
          " must be square matrices (the last two dimensions), got shape ", t.shape());
}

Shape stack_of(const Tensor& t) { return Shape(t.shape().dims(), t.rank() - 2); }

// to[j] -= factor * from[j] for j in [0, n).
template <class T>
void subtract_multiple(T factor, const T* from, T* to, int64_t n) {
  for (int64_t j = 0; j < n; ++j) to[j] -= factor * from[j];
}

// PA = LU in place of A, L below the diagonal (its own is 1).
template <class T>
struct Elimination {
  // `adjoint`: of the conjugate transpose of `a`.
  Elimination(const T* a, int64_t n, bool adjoint)
      : n(n), lu(static_cast<size_t>(n * n)), order(static_cast<size_t>(n)) {
    for (int64_t i = 0; i < n; ++i) {
      order[static_cast<size_t>(i)] = i;
      for (int64_t j = 0; j < n; ++j) row(i)[j] = adjoint ? conj_of(a[j * n + i]) : a[i * n + j];
    }
    for (int64_t k = 0; k < n; ++k) {
      exchange(k, largest_below(k));
      if (row(k)[k] == T(0)) {
        singular = true;
        continue;
      }
      for (int64_t i = k + 1; i < n; ++i) {
        const T factor = row(i)[k] /= row(k)[k];
        subtract_multiple(factor, row(k) + k + 1, row(i) + k + 1, n - k - 1);
      }
    }
  }

  T* row(int64_t i) { return lu.data() + i * n; }

  // x = A^-1 b for `columns` columns; x may not be b.
  void solve(const T* b, T* x, int64_t columns) {
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(b + order[static_cast<size_t>(i)] * columns, columns, x + i * columns);
      for (int64_t k = 0; k < i; ++k) {
        subtract_multiple(row(i)[k], x + k * columns, x + i * columns, columns);
      }
    }
    for (int64_t i = n - 1; i >= 0; --i) {
      for (int64_t k = i + 1; k < n; ++k) {
        subtract_multiple(row(i)[k], x + k * columns, x + i * columns, columns);
      }
      for (int64_t j = 0; j < columns; ++j) x[i * columns + j] /= row(i)[i];
    }
  }

  int64_t n;
  std::vector<T> lu;
  std::vector<int64_t> order;  // row i of PA is row order[i] of A
  bool odd = false;            // an odd number of exchanges
  bool singular = false;

 private:
  int64_t largest_below(int64_t k) {
    int64_t best = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::abs(row(i)[k]) > std::abs(row(best)[k])) best = i;
    }
    return best;
  }
  void exchange(int64_t i, int64_t j) {
    if (i == j) return;
    std::swap_ranges(row(i), row(i) + n, row(j));
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
    odd = !odd;
  }
};

// body(i) for each of `count` matrices; an elimination of n rows is about n^3 / 3 steps.
template <class Body>
void for_matrices(const KernelContext& ctx, int64_t count, int64_t n, const Body& body) {
  const double size = static_cast<double>(n);
  ctx.parallel_for(count, 50.0 + size * size * size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

constexpr const char* kNotInvertible = "the matrix is not invertible";

template <class T>
class MatrixInverse final : public Kernel {
 public:
  explicit MatrixInverse(const NodeInfo& node) : adjoint_(node.attrs.get_or("adjoint", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    require_square(a, "the input");
    const int64_t n = a.dim(a.rank() - 1);
    T* out = ctx.allocate_output(0, a.shape()).template mutable_data<T>();
    std::vector<T> unit(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < n; ++i) unit[static_cast<size_t>(i * n + i)] = T(1);
    for_matrices(ctx, stack_of(a).num_elements(), n, [&](int64_t i) {
      Elimination<T> e(a.data<T>() + i * n * n, n, adjoint_);
      require(!e.singular, kNotInvertible);
      e.solve(unit.data(), out + i * n * n, n);
    });
  }

 private:
  const bool adjoint_;
};

template <class T>
class MatrixSolve final : public Kernel {
 public:
  explicit MatrixSolve(const NodeInfo& node) : adjoint_(node.attrs.get_or("adjoint", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    const Tensor& b = ctx.input(1);
    require_square(a, "the matrix");
    const BatchPairs pairs(a, b, false);
    const int64_t n = a.dim(a.rank() - 1), columns = b.dim(b.rank() - 1);
    require(b.dim(b.rank() - 2) == n, "rhs must have ", n, " rows, got shape ", b.shape());
    T* x = ctx.allocate_output(0, b.shape()).template mutable_data<T>();
    for_matrices(ctx, pairs.count, n, [&](int64_t i) {
      Elimination<T> e(a.data<T>() + i * n * n, n, adjoint_);
      require(!e.singular, kNotInvertible);
      e.solve(b.data<T>() + i * n * columns, x + i * n * columns, columns);
    });
  }

 private:
  const bool adjoint_;
};

// Reads one triangle of the matrix. A row of the adjoint is a column of the matrix.
template <class T>
class MatrixTriangularSolve final : public Kernel {
 public:
  explicit MatrixTriangularSolve(const NodeInfo& node)
      : lower_(node.attrs.get_or("lower", true)), adjoint_(node.attrs.get_or("adjoint", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    const Tensor& b = ctx.input(1);
    require_square(a, "the matrix");
    const BatchPairs pairs(a, b, true);
    const int64_t n = a.dim(a.rank() - 1), columns = b.dim(b.rank() - 1);
    require(b.dim(b.rank() - 2) == n, "rhs must have ", n, " rows, got shape ", b.shape());
    Shape shape = pairs.batch;
    shape.push_back(n);
    shape.push_back(columns);
    T* x = ctx.allocate_output(0, shape).template mutable_data<T>();
    for_matrices(ctx, pairs.count, n, [&](int64_t i) {
      int64_t of_a, of_b;
      pairs.find(i, &of_a, &of_b);
      solve(a.data<T>() + of_a * n * n, b.data<T>() + of_b * n * columns, x + i * n * columns, n,
            columns);
    });
  }

 private:
  void solve(const T* a, const T* b, T* x, int64_t n, int64_t columns) const {
    const auto at = [&](int64_t i, int64_t j) {
      return adjoint_ ? conj_of(a[j * n + i]) : a[i * n + j];
    };
    std::copy_n(b, n * columns, x);
    const bool downwards = lower_ != adjoint_;
    for (int64_t step = 0; step < n; ++step) {
      const int64_t i = downwards ? step : n - 1 - step;
      const int64_t first = downwards ? 0 : i + 1, last = downwards ? i : n;
      for (int64_t k = first; k < last; ++k) {
        subtract_multiple(at(i, k), x + k * columns, x + i * columns, columns);
      }
      const T pivot = at(i, i);
      require(pivot != T(0), kNotInvertible);
      for (int64_t j = 0; j < columns; ++j) x[i * columns + j] /= pivot;
    }
  }

  const bool lower_, adjoint_;
};

// The lower factor L of A = L L^H; reads the lower triangle of A.
template <class T>
class Cholesky final : public Kernel {
 public:
  explicit Cholesky(const NodeInfo&) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    require_square(a, "the input");
    const int64_t n = a.dim(a.rank() - 1);
    T* out = ctx.allocate_output(0, a.shape()).template mutable_data<T>();
    for_matrices(ctx, stack_of(a).num_elements(), n,
                 [&](int64_t i) { factor(a.data<T>() + i * n * n, out + i * n * n, n); });
  }

 private:
  static void factor(const T* a, T* l, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        T sum = a[i * n + j];
        for (int64_t k = 0; k < j; ++k) sum -= l[i * n + k] * conj_of(l[j * n + k]);
        if (j < i) {
          l[i * n + j] = sum / l[j * n + j];
          continue;
        }
        const Real<T> square = std::real(sum);
        require(square > 0 && std::isfinite(square), "the matrix is not positive definite");
        l[i * n + i] = std::sqrt(square);
      }
      std::fill(l + i * n + i + 1, l + (i + 1) * n, T(0));
    }
  }
};

// The determinant as sign (of modulus 1, or 0) and logarithm of its modulus.
template <class T>
std::pair<T, Real<T>> log_determinant(Elimination<T>& e) {
  constexpr Real<T> kMinusInfinity = -std::numeric_limits<Real<T>>::infinity();
  if (e.singular) return {T(0), kMinusInfinity};
  T sign = e.odd ? T(-1) : T(1);
  Real<T> log = 0;
  for (int64_t i = 0; i < e.n; ++i) {
    const Real<T> size = std::abs(e.row(i)[i]);
    sign *= e.row(i)[i] / size;
    log += std::log(size);
  }
  return {sign, log};
}

template <class T>
class MatrixDeterminant final : public Kernel {
 public:
  explicit MatrixDeterminant(const NodeInfo&) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    require_square(a, "the input");
    const int64_t n = a.dim(a.rank() - 1);
    const Shape stack = stack_of(a);
    T* out = ctx.allocate_output(0, stack).template mutable_data<T>();
    for_matrices(ctx, stack.num_elements(), n, [&](int64_t i) {
      Elimination<T> e(a.data<T>() + i * n * n, n, false);
      T product = e.odd ? T(-1) : T(1);
      for (int64_t k = 0; k < n; ++k) product *= e.row(k)[k];
      out[i] = product;
    });
  }
};

template <class T>
class LogMatrixDeterminant final : public Kernel {
 public:
  explicit LogMatrixDeterminant(const NodeInfo&) {}

  void compute(KernelContext& ctx) override {
    const Tensor& a = ctx.input(0);
    require_square(a, "the input");
    const int64_t n = a.dim(a.rank() - 1);
    const Shape stack = stack_of(a);
    T* sign = ctx.allocate_output(0, stack).template mutable_data<T>();
    T* log = ctx.allocate_output(1, stack).template mutable_data<T>();
    for_matrices(ctx, stack.num_elements(), n, [&](int64_t i) {
      Elimination<T> e(a.data<T>() + i * n * n, n, false);
      std::tie(sign[i], log[i]) = log_determinant(e);
    });
  }
};

template <template <class> class K, class... Ts>
void add_for(KernelRegistry& r, const char* op) {
  (r.add(op, kCpu, {{"T", dtype_of<Ts>}}, make<K<Ts>>, Cost::kHeavy), ...);
}

template <template <class> class K>
void add(KernelRegistry& r, const char* op) {
  add_for<K, float, double, complex64, complex128>(r, op);
}

}  // namespace

void register_linalg(KernelRegistry& r) {
  add<Cholesky>(r, "Cholesky");
  add<MatrixInverse>(r, "MatrixInverse");
  r.add("MatrixInverse", kCpu, {{"T", DType::kFloat16}}, widened<make<MatrixInverse<float>>>,
        Cost::kHeavy);
  add<MatrixSolve>(r, "MatrixSolve");
  add<MatrixTriangularSolve>(r, "MatrixTriangularSolve");
  add<MatrixDeterminant>(r, "MatrixDeterminant");
  add<LogMatrixDeterminant>(r, "LogMatrixDeterminant");
}

}  // namespace penstock
