// The table of folds: vectorised loops for the common dtypes, plain ones for the others.
#include "cpu/folds.h"

#include <complex>
#include <cstring>
#include <limits>

#include "cpu/vector/table.h"

namespace penstock {
namespace {

struct SumOf {
  template <class A>
  static A start() {
    return A(0);
  }
  template <class A>
  static A enter(A x) {
    return x;
  }
  template <class A>
  static A fold(A a, A b) {
    return static_cast<A>(a + b);
  }
};
struct SumSquaresOf : SumOf {
  template <class A>
  static A enter(A x) {
    return static_cast<A>(x * x);
  }
  template <class R>
  static std::complex<R> enter(std::complex<R> x) {
    return std::norm(x);
  }
};
struct ProdOf : SumOf {
  template <class A>
  static A start() {
    return A(1);
  }
  template <class A>
  static A fold(A a, A b) {
    return static_cast<A>(a * b);
  }
};
struct MaxOf : SumOf {
  template <class A>
  static A start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? static_cast<A>(-L::infinity()) : L::lowest();
  }
  template <class A>
  static A fold(A a, A b) {
    return a >= b || a != a ? a : b;
  }
};
struct MinOf : SumOf {
  template <class A>
  static A start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? L::infinity() : L::max();
  }
  template <class A>
  static A fold(A a, A b) {
    return a <= b || a != a ? a : b;
  }
};

template <class F, class T, class A>
void fold_rows(const void* x, int64_t rows, int64_t n, void* out) {
  const T* from = static_cast<const T*>(x);
  for (int64_t r = 0; r < rows; ++r, from += n) {
    A total = F::template start<A>();
    for (int64_t i = 0; i < n; ++i) total = F::fold(total, F::enter(static_cast<A>(from[i])));
    static_cast<A*>(out)[r] = total;
  }
}

template <class F, class T, class A>
void fold_columns(const void* x, int64_t rows, int64_t columns, int64_t stride, void* acc) {
  const T* from = static_cast<const T*>(x);
  A* to = static_cast<A*>(acc);
  for (int64_t r = 0; r < rows; ++r, from += stride) {
    for (int64_t j = 0; j < columns; ++j) to[j] = F::fold(to[j], F::enter(static_cast<A>(from[j])));
  }
}

// Small integers and bools wrap; half precision is summed in float.
template <class T>
using Accumulator =
    std::conditional_t<std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>, float, T>;

template <class T>
using WideAccumulator = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;

template <class F, class T, class A = Accumulator<T>>
Folding plain_folding() {
  Folding f = {};
  f.elements = {fold_rows<F, T, A>, fold_columns<F, T, A>};
  // Partial sums of squares are only summed.
  using P = std::conditional_t<std::is_same_v<F, SumSquaresOf>, SumOf, F>;
  f.partials = {fold_rows<P, A, A>, fold_columns<P, A, A>};
  f.accumulator = dtype_of<A>;
  const A start = F::template start<A>();
  std::memcpy(f.identity, &start, sizeof start);
  return f;
}

template <class F>
Folding real_folding(DType dtype) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16>(
      dtype, [](auto zero) { return plain_folding<F, decltype(zero)>(); });
}

template <class F>
Folding number_folding(DType dtype) {
  if (dtype == DType::kComplex64) return plain_folding<F, complex64>();
  if (dtype == DType::kComplex128) return plain_folding<F, complex128>();
  return real_folding<F>(dtype);
}

Folding wide_sum(DType dtype) {
  if (kFloating.has(dtype) || kComplex.has(dtype)) return number_folding<SumOf>(dtype);
  return visit_dtype<int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t, uint64_t>(
      dtype, [](auto zero) {
        using T = decltype(zero);
        return plain_folding<SumOf, T, WideAccumulator<T>>();
      });
}

Folding plain_folding_of(FoldKind kind, DType dtype) {
  switch (kind) {
    case FoldKind::kSum:
      return number_folding<SumOf>(dtype);
    case FoldKind::kWideSum:
      return wide_sum(dtype);
    case FoldKind::kSumSquares:
      return number_folding<SumSquaresOf>(dtype);
    case FoldKind::kProd:
      return number_folding<ProdOf>(dtype);
    case FoldKind::kMax:
      return real_folding<MaxOf>(dtype);
    case FoldKind::kMin:
      return real_folding<MinOf>(dtype);
  }
  throw_unexpected_dtype(dtype);
}

const FoldByType& vector_folds(FoldKind kind) {
  const ReductionLoops& loops = vector_table().reduction;
  switch (kind) {
    case FoldKind::kSumSquares:
      return loops.sum_squares;
    case FoldKind::kProd:
      return loops.prod;
    case FoldKind::kMax:
      return loops.max;
    case FoldKind::kMin:
      return loops.min;
    default:
      return loops.sum;
  }
}

const Fold* find_fold(const FoldByType& folds, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return &folds.f32;
    case DType::kFloat64:
      return &folds.f64;
    case DType::kInt32:
      return &folds.i32;
    case DType::kInt64:
      return &folds.i64;
    default:
      return nullptr;
  }
}

}  // namespace

Folding folding_of(FoldKind kind, DType dtype) {
  Folding f = plain_folding_of(kind, dtype);
  const FoldKind second = kind == FoldKind::kSumSquares ? FoldKind::kSum : kind;
  const bool widens = kind == FoldKind::kWideSum && f.accumulator != dtype;
  const Fold* elements = widens ? nullptr : find_fold(vector_folds(kind), dtype);
  if (elements) f.elements = *elements;
  if (const Fold* fold = find_fold(vector_folds(second), f.accumulator)) f.partials = *fold;
  return f;
}

}  // namespace penstock
