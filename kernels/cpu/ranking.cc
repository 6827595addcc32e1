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

// A number that is smaller the earlier a value comes; for types of up to four bytes.
template <class T>
uint32_t place_key(T value) {
  constexpr uint32_t kSign = 0x80000000u;
  if constexpr (std::is_same_v<T, float>) {
    if (std::isnan(value)) return 0;
    const uint32_t bits = float_bits(value == 0 ? 0.0f : value);  // 0 and -0 are equal
    return (bits & kSign) != 0 ? bits : ~(bits | kSign);
  } else {
    const auto bits = static_cast<uint32_t>(static_cast<int64_t>(value));
    return std::is_signed_v<T> ? ~(bits ^ kSign) : ~bits;
  }
}

// Ranks the elements of rows, one row after the other.
template <class T>
class Ranker {
 public:
  // The index of the element that is number i among the first k of the last row ranked.
  int64_t operator[](int64_t i) const {
    const auto at = static_cast<size_t>(i);
    return static_cast<int64_t>(kPacked ? order_[at] & 0xffffffffu : order_[at]);
  }
  void rank(const T* x, int64_t n, int64_t k) {
    const auto before = [x](uint64_t i, uint64_t j) {
      return comes_before(x, static_cast<int64_t>(i), static_cast<int64_t>(j));
    };
    require(!kPacked || n <= int64_t{1} << 32, "the last dimension is too long: ", n);
    if (k < n / 4) return keep_first(n, k, before);
    order_.resize(static_cast<size_t>(n));
    if constexpr (kPacked) {  // value and index in one number: nothing to look up
      for (int64_t i = 0; i < n; ++i) {
        order_[static_cast<size_t>(i)] =
            (static_cast<uint64_t>(place_key(x[i])) << 32) | static_cast<uint64_t>(i);
      }
      std::sort(order_.begin(), order_.end());
    } else {
      std::iota(order_.begin(), order_.end(), uint64_t{0});
      std::sort(order_.begin(), order_.end(), before);
    }
  }

 private:
  static constexpr bool kPacked = sizeof(T) <= 4 && std::is_arithmetic_v<T>;

  // The first k seen so far are a heap with the last of them on top.
  template <class Before>
  void keep_first(int64_t n, int64_t k, const Before& before) {
    order_.resize(static_cast<size_t>(k));
    if (k == 0) return;
    std::iota(order_.begin(), order_.end(), uint64_t{0});
    std::make_heap(order_.begin(), order_.end(), before);
    for (auto i = static_cast<uint64_t>(k); i < static_cast<uint64_t>(n); ++i) {
      if (!before(i, order_.front())) continue;
      std::pop_heap(order_.begin(), order_.end(), before);
      order_.back() = i;
      std::push_heap(order_.begin(), order_.end(), before);
    }
    std::sort_heap(order_.begin(), order_.end(), before);
  }

  std::vector<uint64_t> order_;
};

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
      Ranker<T> ranker;
      for (int64_t row = begin; row < end; ++row) {
        const T* from = x.data<T>() + row * n;
        ranker.rank(from, n, k);
        for (int64_t i = 0; i < k; ++i) {
          const int64_t index = ranker[i];
          values[row * k + i] = from[index];
          store_(indices, row * k + i, index);
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
