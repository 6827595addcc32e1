// Along one axis: where the largest or smallest element is (ArgMax, ArgMin), and running sums
// and products (Cumsum, Cumprod).
#include <algorithm>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/folds.h"
#include "cpu/register.h"

namespace penstock {
namespace {

void write_index(Tensor& out, int64_t i, int64_t value) {
  switch (out.dtype()) {
    case DType::kInt32:
      out.mutable_data<int32_t>()[i] = static_cast<int32_t>(value);
      break;
    case DType::kInt16:
      out.mutable_data<int16_t>()[i] = static_cast<int16_t>(value);
      break;
    case DType::kUInt16:
      out.mutable_data<uint16_t>()[i] = static_cast<uint16_t>(value);
      break;
    default:
      out.mutable_data<int64_t>()[i] = value;
  }
}

// T itself where the folds of T compare as T does (not by way of float or uint8), else float.
template <class T>
using FoldableAs = std::conditional_t<
    std::is_same_v<T, bool> || std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>, float, T>;

constexpr int64_t kColumns = 512;  // columns that are searched or summed together

// Whether `candidate` takes the place of `best`. NaN is never larger or smaller than anything.
template <class T, bool largest>
bool is_better(T candidate, T best) {
  const bool better = largest ? candidate > best : candidate < best;
  return better || (best != best && candidate == candidate);
}

// The first position of the largest (or smallest) element of a row.
template <class T, bool largest>
int64_t best_in_row(const T* x, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    if (is_better<T, largest>(x[i], x[best])) best = i;
  }
  return best;
}

// The same with the vectorised fold, and a search for what it found; a NaN takes the slow way.
template <class T, bool largest>
int64_t best_in_row(const T* x, int64_t n, const Fold& fold) {
  T best;
  fold.rows(x, 1, n, &best);
  if (best != best) return best_in_row<T, largest>(x, n);
  constexpr int64_t kStep = 64;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    int hits = 0;
    for (int64_t k = 0; k < kStep; ++k) hits += x[i + k] == best ? 1 : 0;
    if (hits > 0) break;
  }
  while (x[i] != best) ++i;
  return i;
}

// Positions of the best of each of up to kColumns columns, row by row.
template <class T, bool largest>
void best_in_columns(const T* x, int64_t n, int64_t stride, int64_t columns, int32_t* positions) {
  T best[kColumns];
  std::copy_n(x, columns, best);
  std::fill_n(positions, columns, 0);
  for (int64_t i = 1; i < n; ++i) {
    const T* row = x + i * stride;
    for (int64_t j = 0; j < columns; ++j) {
      const bool better = is_better<T, largest>(row[j], best[j]);
      best[j] = better ? row[j] : best[j];
      positions[j] = better ? static_cast<int32_t>(i) : positions[j];
    }
  }
}

template <class T, bool largest>
void find_in_rows(const KernelContext& ctx, const T* x, int64_t rows, int64_t n, Tensor& out) {
  [[maybe_unused]] const Folding folding =
      folding_of(largest ? FoldKind::kMax : FoldKind::kMin, dtype_of<FoldableAs<T>>);
  ctx.parallel_for(rows, static_cast<double>(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if constexpr (std::is_same_v<FoldableAs<T>, T>) {
        write_index(out, r, best_in_row<T, largest>(x + r * n, n, folding.elements));
      } else {
        write_index(out, r, best_in_row<T, largest>(x + r * n, n));
      }
    }
  });
}

template <class T, bool largest>
void find_in_columns(const KernelContext& ctx, const T* x, const AxisSplit& s, Tensor& out) {
  const int64_t across = (s.inner + kColumns - 1) / kColumns;
  const double cost = static_cast<double>(s.size * std::min(s.inner, kColumns));
  ctx.parallel_for(s.outer * across, cost, [&](int64_t begin, int64_t end) {
    int32_t positions[kColumns];
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t outer = unit / across, column = unit % across * kColumns;
      const int64_t columns = std::min(kColumns, s.inner - column);
      best_in_columns<T, largest>(x + outer * s.size * s.inner + column, s.size, s.inner, columns,
                                  positions);
      for (int64_t j = 0; j < columns; ++j) {
        write_index(out, outer * s.inner + column + j, positions[j]);
      }
    }
  });
}

template <class T, bool largest>
void compute_arg_best(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = checked_axis(int_scalar(ctx.input(1), "axis"), x.rank());
  require(x.dim(axis) > 0, "axis ", axis, " of shape ", x.shape(),
          " has size 0: there is no element to find");
  require(x.dim(axis) <= INT32_MAX, "axis ", axis, " of shape ", x.shape(), " is too long");
  Shape shape(x.shape().dims(), axis);
  for (int d = axis + 1; d < x.rank(); ++d) shape.push_back(x.dim(d));
  const AxisSplit split(x.shape(), axis);
  const T* data = x.data<T>();
  Tensor& out = ctx.allocate_output(0, shape);
  if (split.inner == 1) {
    find_in_rows<T, largest>(ctx, data, split.outer, split.size, out);
  } else {
    find_in_columns<T, largest>(ctx, data, split, out);
  }
}

template <bool largest>
std::unique_ptr<Kernel> make_arg_best(const NodeInfo& node) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16, bool>(
      node.input_dtypes[0], [](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_arg_best<decltype(zero), largest>);
      });
}

struct Add {
  template <class T>
  static T at(T x, T y) {
    return static_cast<T>(x + y);
  }
  static constexpr int kStart = 0;
};
struct Multiply {
  template <class T>
  static T at(T x, T y) {
    return static_cast<T>(x * y);
  }
  static constexpr int kStart = 1;
};

// Signed integers run as unsigned ones of the same size, which wrap around.
template <class T>
using Wrapping = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                             std::enable_if<true, T>>::type;

template <class T, class F>
class Scan final : public Kernel {
 public:
  explicit Scan(const NodeInfo& node)
      : exclusive_(node.attrs.get_or<bool>("exclusive", false)),
        reverse_(node.attrs.get_or<bool>("reverse", false)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const int axis = checked_axis(int_scalar(ctx.input(1), "axis"), x.rank());
    const AxisSplit split(x.shape(), axis);
    const T* from = x.data<T>();
    Tensor& out = ctx.forward_or_allocate(0, x.shape(), {0});
    T* to = out.mutable_data<T>();
    if (out.num_elements() == 0) return;
    const int64_t across = (split.inner + kColumns - 1) / kColumns;
    const double cost = 1.5 * static_cast<double>(split.size * std::min(split.inner, kColumns));
    ctx.parallel_for(split.outer * across, cost, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t column = unit % across * kColumns;
        const int64_t start = unit / across * split.size * split.inner + column;
        scan(from + start, to + start, split, std::min(kColumns, split.inner - column));
      }
    });
  }

 private:
  // Up to kColumns neighbouring lines at once, row by row.
  void scan(const T* x, T* y, const AxisSplit& split, int64_t columns) const {
    T total[kColumns];
    std::fill_n(total, columns, static_cast<T>(static_cast<float>(F::kStart)));
    for (int64_t k = 0; k < split.size; ++k) {
      const int64_t row = (reverse_ ? split.size - 1 - k : k) * split.inner;
      for (int64_t j = 0; j < columns; ++j) {
        const T next = F::template at<T>(total[j], x[row + j]);
        y[row + j] = exclusive_ ? total[j] : next;
        total[j] = next;
      }
    }
  }

  bool exclusive_, reverse_;
};

template <class F>
std::unique_ptr<Kernel> make_scan(const NodeInfo& node) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16, complex64, complex128>(
      node.input_dtypes[0], [&](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<Scan<Wrapping<decltype(zero)>, F>>(node);
      });
}

}  // namespace

void register_scan(KernelRegistry& r) {
  r.add("ArgMax", kCpu, {{"T", kReal | DType::kBool}}, make_arg_best<true>);
  r.add("ArgMin", kCpu, {{"T", kReal | DType::kBool}}, make_arg_best<false>);
  r.add("Cumsum", kCpu, {{"T", kNumber}}, make_scan<Add>);
  r.add("Cumprod", kCpu, {{"T", kNumber}}, make_scan<Multiply>);
}

}  // namespace penstock
