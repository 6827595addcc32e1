// The largest elements of rows: TopK, TopKV2, InTopK, InTopKV2.
//
// Order: larger first, NaN before every number, and of equal elements the one with the lower
// index. With `sorted` false the same order is given: it is as good as any.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "cpu/axes.h"
#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

template <class T>
bool comes_before(const T* x, int64_t i, int64_t j) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool nan_i = std::isnan(x[i]), nan_j = std::isnan(x[j]);
    if (nan_i || nan_j) return nan_i != nan_j ? nan_i : i < j;
  }
  return x[i] != x[j] ? x[i] > x[j] : i < j;
}

// The indices of the first k elements of a row in that order.
template <class T>
void rank_row(const T* x, int64_t n, int64_t k, std::vector<int64_t>& order) {
  const auto before = [x](int64_t i, int64_t j) { return comes_before(x, i, j); };
  order.resize(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(k);
  if (k < n / 4) {
    std::partial_sort(order.begin(), middle, order.end(), before);
  } else {
    std::sort(order.begin(), order.end(), before);
  }
}

using StoreFn = void (*)(void* to, int64_t at, int64_t value);
template <class I>
void store(void* to, int64_t at, int64_t value) {
  static_cast<I*>(to)[at] = static_cast<I>(value);
}

template <class T>
class TopK final : public Kernel {
 public:
  explicit TopK(const NodeInfo& node)
      : k_(node.attrs.get_or<int64_t>("k", -1)),
        store_(visit_dtype<int32_t, int64_t, int16_t>(
            node.output_dtypes[1], [](auto i) -> StoreFn { return store<decltype(i)>; })) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    require(x.rank() >= 1, "the input must have at least 1 dimension, got a scalar");
    const int64_t n = x.dim(x.rank() - 1), rows = x.shape().product(0, x.rank() - 1);
    const int64_t k = ctx.num_inputs() > 1 ? int_scalar(ctx.input(1), "k") : k_;
    require(k >= 0 && k <= n, "k must be between 0 and the size of the last dimension, ", n,
            ", got ", k);
    Shape shape = x.shape();
    shape.set(x.rank() - 1, k);
    T* values = ctx.allocate_output(0, shape).template mutable_data<T>();
    void* indices = ctx.allocate_output(1, shape).raw();
    const double cost = 10.0 * static_cast<double>(n) * std::log2(static_cast<double>(k) + 2.0);
    ctx.parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> order;
      for (int64_t row = begin; row < end; ++row) {
        const T* from = x.data<T>() + row * n;
        rank_row(from, n, k, order);
        for (int64_t i = 0; i < k; ++i) {
          values[row * k + i] = from[order[static_cast<size_t>(i)]];
          store_(indices, row * k + i, order[static_cast<size_t>(i)]);
        }
      }
    });
  }

 private:
  const int64_t k_;  // -1: an input
  const StoreFn store_;
};

// Whether fewer than k classes score higher than the target. Not, where a score is not finite
// or the target is no class.
bool is_in_top(const float* scores, int64_t classes, int64_t target, int64_t k) {
  if (target < 0 || target >= classes || !std::isfinite(scores[target])) return false;
  int64_t higher = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (!std::isfinite(scores[c])) return false;
    if (scores[c] > scores[target]) ++higher;
  }
  return higher < k;
}

class InTopK final : public Kernel {
 public:
  explicit InTopK(const NodeInfo& node) : k_(node.attrs.get_or<int64_t>("k", 0)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& scores = ctx.input(0);
    const Tensor& targets = ctx.input(1);
    require(scores.rank() == 2, "predictions must be a matrix [batch, classes], got shape ",
            scores.shape());
    require(targets.rank() == 1 && targets.dim(0) == scores.dim(0),
            "targets must be a vector of length ", scores.dim(0), ", got shape ", targets.shape());
    const int64_t k = ctx.num_inputs() > 2 ? int_scalar(ctx.input(2), "k") : k_;
    const int64_t classes = scores.dim(1);
    bool* out = ctx.allocate_output(0, targets.shape()).mutable_data<bool>();
    for (int64_t i = 0; i < targets.dim(0); ++i) {
      out[i] = is_in_top(scores.data<float>() + i * classes, classes, int_at(targets, i), k);
    }
  }

 private:
  const int64_t k_;
};

template <class... Ts>
void add_top_k(KernelRegistry& r, const char* op) {
  (r.add(op, kCpu, {{"T", dtype_of<Ts>}}, make<TopK<Ts>>), ...);
  r.add(op, kCpu, {{"T", kHalf2}}, widened<make<TopK<float>>>);
}

}  // namespace

void register_ranking(KernelRegistry& r) {
  for (const char* op : {"TopK", "TopKV2"}) {
    add_top_k<float, double, int32_t, int64_t, int16_t, int8_t, uint8_t, uint16_t, uint32_t,
              uint64_t>(r, op);
  }
  for (const char* op : {"InTopK", "InTopKV2"}) r.add(op, kCpu, {}, make<InTopK>);
}

}  // namespace penstock
