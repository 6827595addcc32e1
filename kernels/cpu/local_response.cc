// Local response normalisation over neighbouring channels: LRN and LRNGrad.
//
// With N = bias + alpha W(x^2), where W sums a window of 2 depth_radius + 1 channels cut off at
// the ends: LRN is x N^-beta. Rows of channels are independent; they are computed in float.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/register.h"

namespace penstock {
namespace {

struct Window {
  explicit Window(const NodeInfo& node)
      : radius(node.attrs.get<int64_t>("depth_radius")),
        bias(static_cast<float>(node.attrs.get<double>("bias"))),
        alpha(static_cast<float>(node.attrs.get<double>("alpha"))),
        beta(static_cast<float>(node.attrs.get<double>("beta"))) {
    require(radius >= 0, "depth_radius must not be negative, got ", radius);
  }

  // to[i] = sum of from[j] for |i - j| <= radius. A running sum would lose digits.
  void sum(const float* from, float* to, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t end = std::min(n - 1, i + std::min(radius, n)) + 1;
      float total = 0;
      for (int64_t j = std::max<int64_t>(0, i - std::min(radius, n)); j < end; ++j) {
        total += from[j];
      }
      to[i] = total;
    }
  }
  // N of a row of channels; `scratch` holds n numbers.
  void norms(const float* x, float* scratch, float* to, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) scratch[i] = x[i] * x[i];
    sum(scratch, to, n);
    for (int64_t i = 0; i < n; ++i) to[i] = bias + alpha * to[i];
  }

  int64_t radius;
  float bias, alpha, beta;
};

void require_image(const Tensor& x) {
  require(x.rank() == 4, "the input must have 4 dimensions, got shape ", x.shape());
}

template <class T>
std::vector<float> widened(const T* from, int64_t n) {
  return std::vector<float>(from, from + n);
}

constexpr double kCostNs = 25.0;

template <class T>
class Lrn final : public Kernel {
 public:
  explicit Lrn(const NodeInfo& node) : window_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    require_image(x);
    const int64_t depth = x.dim(3);
    const T* from = x.data<T>();
    T* to = ctx.allocate_output(0, x.shape()).template mutable_data<T>();
    const int64_t rows = x.shape().product(0, 3);
    ctx.parallel_for(rows, kCostNs * static_cast<double>(depth), [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(depth), norm(depth);
      for (int64_t r = begin; r < end; ++r) {
        const std::vector<float> row = widened(from + r * depth, depth);
        window_.norms(row.data(), scratch.data(), norm.data(), depth);
        for (int64_t i = 0; i < depth; ++i) {
          to[r * depth + i] = static_cast<T>(row[i] * std::pow(norm[i], -window_.beta));
        }
      }
    });
  }

 private:
  Window window_;
};

template <class T>
class LrnGrad final : public Kernel {
 public:
  explicit LrnGrad(const NodeInfo& node) : window_(node) {}

  // dx = g N^-beta - 2 alpha beta x W(g y / N)
  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(1);
    require_image(x);
    require(ctx.input(0).shape() == x.shape() && ctx.input(2).shape() == x.shape(),
            "gradient, input and output must have one shape, got ", ctx.input(0).shape(), ", ",
            x.shape(), " and ", ctx.input(2).shape());
    const int64_t depth = x.dim(3);
    const T* grads = ctx.input(0).data<T>();
    const T* image = x.data<T>();
    const T* outputs = ctx.input(2).data<T>();
    T* to = ctx.allocate_output(0, x.shape()).template mutable_data<T>();
    const int64_t rows = x.shape().product(0, 3);
    const double cost = 2 * kCostNs * static_cast<double>(depth);
    ctx.parallel_for(rows, cost, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(depth), norm(depth), share(depth);
      for (int64_t r = begin; r < end; ++r) {
        const std::vector<float> row = widened(image + r * depth, depth);
        const std::vector<float> g = widened(grads + r * depth, depth);
        const std::vector<float> y = widened(outputs + r * depth, depth);
        window_.norms(row.data(), scratch.data(), norm.data(), depth);
        for (int64_t i = 0; i < depth; ++i) scratch[i] = g[i] * y[i] / norm[i];
        window_.sum(scratch.data(), share.data(), depth);
        for (int64_t i = 0; i < depth; ++i) {
          const float direct = g[i] * std::pow(norm[i], -window_.beta);
          const float shared = 2 * window_.alpha * window_.beta * row[i] * share[i];
          to[r * depth + i] = static_cast<T>(direct - shared);
        }
      }
    });
  }

 private:
  Window window_;
};

template <template <class> class K>
std::unique_ptr<Kernel> make_typed(const NodeInfo& node) {
  const auto type = node.attr_dtype("T");
  return visit_dtype<float, float16, bfloat16>(type, [&](auto t) -> std::unique_ptr<Kernel> {
    return std::make_unique<K<decltype(t)>>(node);
  });
}

}  // namespace

void register_local_response(KernelRegistry& r) {
  const DTypeSet types = kHalf2 | DTypeSet(DType::kFloat32);
  r.add("LRN", kCpu, {{"T", types}}, make_typed<Lrn>);
  r.add("LRNGrad", kCpu, {{"T", types}}, make_typed<LrnGrad>);
}

}  // namespace penstock
