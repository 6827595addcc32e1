// Random tensors, with state (see random_stream.h) or as functions of a seed.
//
// Which counter values an element uses depends on its position only; threads and pieces make
// no difference. An execution moves the stream by 256 counter values for each element.
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/axes.h"
#include "cpu/distributions.h"
#include "cpu/elements.h"
#include "cpu/random_fill.h"
#include "cpu/random_stream.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// How many counter values an execution moves its stream by.
uint64_t counters_to_fill(const KernelContext& ctx) {
  return static_cast<uint64_t>(shape_from(ctx.input(0)).num_elements()) * kSkipPerElement;
}

uint64_t counters_to_shuffle(const KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int64_t n = x.rank() == 0 ? 1 : x.dim(0);
  return n <= 1 ? 0 : static_cast<uint64_t>(n - 1 + 3) / 4;
}

uint64_t counters_to_choose(const KernelContext& ctx) {
  const Tensor& logits = ctx.input(0);
  require(logits.rank() == 2, "logits must be a matrix, got shape ", logits.shape());
  const int64_t samples = int_scalar(ctx.input(1), "num_samples");
  require(samples >= 0, "num_samples must not be negative, got ", samples);
  return static_cast<uint64_t>(logits.dim(0) * ((samples + 3) / 4 * 4) * 2) * kSkipPerElement;
}

// The half of a random op that has the state: moves the stream, leaves the place it was at.
template <uint64_t (*counters)(const KernelContext&)>
class RandomPlace final : public RandomKernel {
 public:
  explicit RandomPlace(const NodeInfo& node) : RandomKernel(node) {}
  void compute(KernelContext& ctx) override {
    const Philox here = reserve(ctx, counters(ctx));
    uint64_t* words = ctx.allocate_output(0, Shape({3})).mutable_data<uint64_t>();
    words[0] = here.key;
    words[1] = here.low;
    words[2] = here.high;
  }
};

class RandomNumbers final : public RandomKernel {
 public:
  RandomNumbers(const NodeInfo& node, RandomFillFn fill) : RandomKernel(node), fill_(fill) {}
  void compute(KernelContext& ctx) override {
    Tensor& out = ctx.allocate_output(0, shape_from(ctx.input(0)));
    fill_(ctx, reserve(ctx, counters_to_fill(ctx)), out);
  }

 private:
  RandomFillFn fill_;
};

template <RandomFillFn (*choose)(DType)>
std::unique_ptr<Kernel> random_numbers(const NodeInfo& node) {
  return std::make_unique<RandomNumbers>(node, choose(node.output_dtypes[0]));
}

class RandomUniformInt final : public RandomKernel {
 public:
  explicit RandomUniformInt(const NodeInfo& node) : RandomKernel(node) {}
  void compute(KernelContext& ctx) override {
    Tensor& out = ctx.allocate_output(0, shape_from(ctx.input(0)));
    fill_uniform_int(ctx, reserve(ctx, counters_to_fill(ctx)), ctx.input(1), ctx.input(2), out);
  }
};

// The first dimension in random order: each place swaps with one at or after it.
class RandomShuffle final : public RandomKernel {
 public:
  explicit RandomShuffle(const NodeInfo& node) : RandomKernel(node) {}
  void compute(KernelContext& ctx) override {
    const Tensor x = ctx.input(0);
    const int64_t n = x.rank() == 0 ? 1 : x.dim(0);
    if (n <= 1) return ctx.set_output(0, x);
    require(n <= int64_t{UINT32_MAX}, "at most 2^32 rows can be shuffled, got ", n);
    const Philox stream = reserve(ctx, counters_to_shuffle(ctx));
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = i;
    Words words = {};
    for (int64_t i = 0; i < n - 1; ++i) {
      if (i % 4 == 0) words = stream.at(static_cast<uint64_t>(i / 4));
      const uint32_t other = words[static_cast<size_t>(i % 4)] % static_cast<uint32_t>(n - i);
      std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i + other)]);
    }
    Tensor& out = ctx.allocate_output(0, x.shape());
    const int64_t row = x.num_elements() / n;
    ctx.parallel_for(
        n, 3.0 + move_cost(x.dtype()) * static_cast<double>(row), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            copy_block(x.dtype(), element_at(out.raw(), x.dtype(), i * row),
                       element_at(x.raw(), x.dtype(), order[static_cast<size_t>(i)] * row), row);
          }
        });
  }
};

// Draws from rows of unnormalised log-probabilities, by inverting each row's running sum.
class Multinomial final : public RandomKernel {
 public:
  explicit Multinomial(const NodeInfo& node) : RandomKernel(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& logits = ctx.input(0);
    require(logits.rank() == 2, "logits must be a matrix, got shape ", logits.shape());
    const int64_t rows = logits.dim(0), classes = logits.dim(1);
    const int64_t samples = int_scalar(ctx.input(1), "num_samples");
    require(samples >= 0, "num_samples must not be negative, got ", samples);
    require(classes > 0 || rows == 0, "logits must have at least one class, got shape ",
            logits.shape());
    Tensor& out = ctx.allocate_output(0, Shape({rows, samples}));
    if (out.num_elements() == 0) return;
    const Philox stream = reserve(ctx, counters_to_choose(ctx));
    visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                uint64_t, float16, bfloat16>(logits.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const double cost = 10.0 * static_cast<double>(classes) + 30.0 * static_cast<double>(samples);
      ctx.parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          draw_row(stream, logits.data<T>() + r * classes, classes, out, r * samples, samples);
        }
      });
    });
  }

 private:
  template <class T>
  static void draw_row(const Philox& stream, const T* logits, int64_t classes, Tensor& out,
                       int64_t first, int64_t samples) {
    double largest = -HUGE_VAL;
    for (int64_t c = 0; c < classes; ++c) {
      const double v = static_cast<double>(logits[c]);
      if (std::isfinite(v)) largest = std::max(largest, v);
    }
    std::vector<double> running(static_cast<size_t>(classes));
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const double v = static_cast<double>(logits[c]);
      if (std::isfinite(v)) total += std::exp(v - largest);
      running[static_cast<size_t>(c)] = total;
    }
    for (int64_t s = 0; s < samples; ++s) {
      const int64_t draw = first + s;  // two of them from each counter value
      const Words w = stream.at(static_cast<uint64_t>(draw / 2));
      const double u = draw % 2 == 0 ? unit_double(w[0], w[1]) : unit_double(w[2], w[3]);
      const auto found = std::upper_bound(running.begin(), running.end(), u * total);
      const int64_t index = std::min<int64_t>(found - running.begin(), classes - 1);
      if (out.dtype() == DType::kInt64) {
        out.mutable_data<int64_t>()[first + s] = index;
      } else {
        out.mutable_data<int32_t>()[first + s] = static_cast<int32_t>(index);
      }
    }
  }
};

// Stateless ops: the two seeds are scrambled into the key and the high half of the counter.
Philox stateless_stream(const Tensor& seed) {
  require(seed.rank() == 1 && seed.dim(0) == 2, "seed must have shape [2], got ", seed.shape());
  const auto s0 = static_cast<uint64_t>(int_at(seed, 0)),
             s1 = static_cast<uint64_t>(int_at(seed, 1));
  const Words mixed = philox_rounds({static_cast<uint32_t>(s0), static_cast<uint32_t>(s0 >> 32),
                                     static_cast<uint32_t>(s1), static_cast<uint32_t>(s1 >> 32)},
                                    0x3ec8f720u, 0x02461e29u);
  return Philox{mixed[0] | uint64_t{mixed[1]} << 32, 0, mixed[2] | uint64_t{mixed[3]} << 32};
}

class Stateless final : public Kernel {
 public:
  explicit Stateless(RandomFillFn fill) : fill_(fill) {}
  void compute(KernelContext& ctx) override {
    const Philox stream = stateless_stream(ctx.input(1));
    fill_(ctx, stream, ctx.allocate_output(0, shape_from(ctx.input(0))));
  }

 private:
  RandomFillFn fill_;
};

template <RandomFillFn (*choose)(DType)>
std::unique_ptr<Kernel> stateless(const NodeInfo& node) {
  return std::make_unique<Stateless>(choose(node.output_dtypes[0]));
}

void compute_stateless_uniform_int(KernelContext& ctx) {
  Tensor& out = ctx.allocate_output(0, shape_from(ctx.input(0)));
  fill_uniform_int(ctx, stateless_stream(ctx.input(1)), ctx.input(2), ctx.input(3), out);
}

// An op, and its two halves (see redraw.py).
template <uint64_t (*counters)(const KernelContext&)>
void add_with_halves(KernelRegistry& r, const std::string& op, const TypeConstraints& types,
                     KernelFactory factory) {
  r.add(op, kCpu, types, factory);
  r.add("_" + op + "At", kCpu, types, factory);
  r.add("_" + op + "Place", kCpu, {}, make<RandomPlace<counters>>, Cost::kTrivial);
}

}  // namespace

void register_random(KernelRegistry& r) {
  const TypeConstraints floats{{"dtype", kFloating}};
  add_with_halves<counters_to_fill>(r, "RandomUniform", floats, random_numbers<uniform_fill>);
  add_with_halves<counters_to_fill>(r, "RandomStandardNormal", floats, random_numbers<normal_fill>);
  add_with_halves<counters_to_fill>(r, "TruncatedNormal", floats,
                                    random_numbers<truncated_normal_fill>);
  add_with_halves<counters_to_fill>(r, "RandomUniformInt", {{"Tout", kIndex}},
                                    make<RandomUniformInt>);
  add_with_halves<counters_to_shuffle>(r, "RandomShuffle", {}, make<RandomShuffle>);
  add_with_halves<counters_to_choose>(r, "Multinomial", {{"T", kReal}, {"output_dtype", kIndex}},
                                      make<Multinomial>);
  r.add("StatelessRandomUniform", kCpu, floats, stateless<uniform_fill>);
  r.add("StatelessRandomNormal", kCpu, floats, stateless<normal_fill>);
  r.add("StatelessTruncatedNormal", kCpu, floats, stateless<truncated_normal_fill>);
  r.add("StatelessRandomUniformInt", kCpu, {{"dtype", kIndex}},
        function<compute_stateless_uniform_int>);
}

}  // namespace penstock
