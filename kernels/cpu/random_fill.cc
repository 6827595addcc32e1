// Filling tensors with random numbers, in parallel: group g of elements comes from counter
// value g of the stream (from 64 g on per element, for the truncated normal, which may need
// several draws).
#include "cpu/random_fill.h"

#include <algorithm>
#include <cstring>

#include "cpu/axes.h"
#include "cpu/distributions.h"

namespace penstock {
namespace {

// out[kOutputs * g ...] from fill(group g, elements), the last group cut off.
template <class T, int kOutputs, class Fill>
void fill_groups(const KernelContext& ctx, T* out, int64_t n, double group_cost, const Fill& fill) {
  const int64_t groups = (n + kOutputs - 1) / kOutputs;
  ctx.parallel_for(groups, group_cost, [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      T* to = out + g * kOutputs;
      if (n - g * kOutputs >= kOutputs) {
        fill(static_cast<uint64_t>(g), to);
        continue;
      }
      T last[kOutputs];
      fill(static_cast<uint64_t>(g), last);
      std::copy_n(last, n - g * kOutputs, to);
    }
  });
}

template <class T, class Distribution>
void fill_from(const KernelContext& ctx, const Philox& stream, Tensor& out) {
  const double cost = std::is_same_v<Distribution, Uniform<T>> ? 15.0 : 60.0;
  fill_groups<T, Distribution::kOutputs>(
      ctx, out.mutable_data<T>(), out.num_elements(), cost,
      [&](uint64_t group, T* to) { Distribution::fill(stream.at(group), to); });
}

// Words of a stream one after the other.
class WordReader {
 public:
  WordReader(const Philox& stream, uint64_t first) : stream_(stream), counter_(first) {}
  uint32_t next() {
    if (used_ == 4) {
      words_ = stream_.at(counter_++);
      used_ = 0;
    }
    return words_[used_++];
  }

 private:
  const Philox& stream_;
  uint64_t counter_;
  Words words_;
  size_t used_ = 4;
};

void draw_pair(WordReader& words, float* z) {
  const uint32_t a = words.next(), b = words.next();
  normal_pair(a, b, z);
}
void draw_pair(WordReader& words, double* z) {
  const uint32_t a = words.next(), b = words.next(), c = words.next(), d = words.next();
  normal_pair(a, b, c, d, z);
}

template <class T>
void fill_truncated(const KernelContext& ctx, const Philox& stream, Tensor& out) {
  using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
  constexpr int kOutputs = std::is_same_v<T, double> ? 2 : 4;
  constexpr uint64_t kCountersPerElement = 64;
  fill_groups<T, kOutputs>(ctx, out.mutable_data<T>(), out.num_elements(), 80.0,
                           [&](uint64_t group, T* to) {
                             WordReader words(stream, group * kOutputs * kCountersPerElement);
                             for (int kept = 0; kept < kOutputs;) {
                               Real z[2];
                               draw_pair(words, z);
                               for (int i = 0; i < 2 && kept < kOutputs; ++i) {
                                 if (std::abs(z[i]) < Real(2)) to[kept++] = T(z[i]);
                               }
                             }
                           });
}

template <template <class> class Choose>
RandomFillFn by_dtype(DType dtype) {
  return visit_dtype<float, double, float16, bfloat16>(
      dtype, [](auto zero) -> RandomFillFn { return Choose<decltype(zero)>::fill; });
}

template <class T>
struct UniformFill {
  static constexpr RandomFillFn fill = fill_from<T, Uniform<T>>;
};
template <class T>
struct NormalFill {
  static constexpr RandomFillFn fill = fill_from<T, Normal<T>>;
};
template <class T>
struct TruncatedFill {
  static constexpr RandomFillFn fill = fill_truncated<T>;
};

}  // namespace

RandomFillFn uniform_fill(DType dtype) { return by_dtype<UniformFill>(dtype); }
RandomFillFn normal_fill(DType dtype) { return by_dtype<NormalFill>(dtype); }
RandomFillFn truncated_normal_fill(DType dtype) { return by_dtype<TruncatedFill>(dtype); }

void fill_uniform_int(const KernelContext& ctx, const Philox& stream, const Tensor& low,
                      const Tensor& high, Tensor& out) {
  const int64_t from = int_scalar(low, "minval"), to = int_scalar(high, "maxval");
  const int64_t n = out.num_elements();
  require(n == 0 || from < to, "minval must be below maxval, got ", from, " and ", to);
  if (n == 0) return;
  const uint64_t range = static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  if (out.dtype() == DType::kInt32) {
    const auto range32 = static_cast<uint32_t>(range);
    fill_groups<int32_t, 4>(
        ctx, out.mutable_data<int32_t>(), n, 20.0, [&](uint64_t group, int32_t* y) {
          const Words w = stream.at(group);
          for (size_t i = 0; i < 4; ++i) {
            y[i] = static_cast<int32_t>(static_cast<uint32_t>(from) + w[i] % range32);
          }
        });
    return;
  }
  fill_groups<int64_t, 2>(
      ctx, out.mutable_data<int64_t>(), n, 20.0, [&](uint64_t group, int64_t* y) {
        const Words w = stream.at(group);
        for (size_t i = 0; i < 2; ++i) {
          const uint64_t bits = w[2 * i] | uint64_t{w[2 * i + 1]} << 32;
          y[i] = static_cast<int64_t>(static_cast<uint64_t>(from) + bits % range);
        }
      });
}

}  // namespace penstock
