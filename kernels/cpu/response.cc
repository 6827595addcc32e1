// Local response normalisation along the channels, and its gradient: LRN, LRNGrad.
//
// norm[c] = bias + alpha * the sum of x² over channels within depth_radius of c.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/register.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

struct ResponseAttrs {
  explicit ResponseAttrs(const NodeInfo& node)
      : radius(node.attrs.get_or<int64_t>("depth_radius", 5)),
        bias(static_cast<float>(node.attrs.get_or<double>("bias", 1.0))),
        alpha(static_cast<float>(node.attrs.get_or<double>("alpha", 1.0))),
        beta(static_cast<float>(node.attrs.get_or<double>("beta", 0.5))) {
    require(radius >= 0, "depth_radius must not be negative, got ", radius);
  }
  // What the window of channel c covers: [first, last).
  int64_t first(int64_t c) const { return std::max<int64_t>(0, c - std::min(radius, c)); }
  int64_t last(int64_t c, int64_t channels) const {
    return radius >= channels - c ? channels : c + radius + 1;
  }
  void norms(const float* x, int64_t channels, float* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      float sum = 0.0f;
      for (int64_t i = first(c), end = last(c, channels); i < end; ++i) sum += x[i] * x[i];
      out[c] = bias + alpha * sum;
    }
  }

  int64_t radius;
  float bias, alpha, beta;
};

// Calls body(first element of a row of channels, scratch for one row) for every row.
template <class Body>
void for_rows(const KernelContext& ctx, const Tensor& x, const ResponseAttrs& attrs,
              const Body& body) {
  require(x.rank() == 4, "the input must have 4 dimensions, got shape ", x.shape());
  const int64_t channels = x.dim(3);
  const double window =
      static_cast<double>(std::min(2 * std::min(attrs.radius, channels) + 1, channels));
  const double cost = static_cast<double>(channels) * (20.0 + 2.0 * window);
  ctx.parallel_for(x.shape().product(0, 3), cost, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(channels));
    for (int64_t row = begin; row < end; ++row) body(row * channels, scratch.data());
  });
}

class Lrn final : public Kernel {
 public:
  explicit Lrn(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& input = ctx.input(0);
    const float* x = input.data<float>();
    float* y = ctx.allocate_output(0, input.shape()).mutable_data<float>();
    for_rows(ctx, input, attrs_, [&](int64_t at, float* norms) {
      const int64_t channels = input.dim(3);
      attrs_.norms(x + at, channels, norms);
      for (int64_t c = 0; c < channels; ++c)
        y[at + c] = x[at + c] * std::pow(norms[c], -attrs_.beta);
    });
  }

 private:
  const ResponseAttrs attrs_;
};

// Inputs: the output's gradient, the input, the output.
class LrnGrad final : public Kernel {
 public:
  explicit LrnGrad(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& input = ctx.input(1);
    for (int i : {0, 2}) {
      require(ctx.input(i).shape() == input.shape(), "all inputs must have the same shape, got ",
              ctx.input(i).shape(), " and ", input.shape());
    }
    const float* dy = ctx.input(0).data<float>();
    const float* x = input.data<float>();
    const float* y = ctx.input(2).data<float>();
    float* dx = ctx.allocate_output(0, input.shape()).mutable_data<float>();
    for_rows(ctx, input, attrs_, [&](int64_t at, float* norms) {
      const int64_t channels = input.dim(3);
      attrs_.norms(x + at, channels, norms);
      for (int64_t c = 0; c < channels; ++c) {
        float sum = 0.0f;
        for (int64_t i = attrs_.first(c), end = attrs_.last(c, channels); i < end; ++i) {
          sum += dy[at + i] * y[at + i] / norms[i];
        }
        dx[at + c] = dy[at + c] * std::pow(norms[c], -attrs_.beta) -
                     2.0f * attrs_.alpha * attrs_.beta * x[at + c] * sum;
      }
    });
  }

 private:
  const ResponseAttrs attrs_;
};

}  // namespace

void register_response(KernelRegistry& r) {
  r.add("LRN", kCpu, {{"T", DType::kFloat32}}, make<Lrn>);
  r.add("LRN", kCpu, {{"T", kHalf2}}, widened<make<Lrn>>);
  r.add("LRNGrad", kCpu, {{"T", DType::kFloat32}}, make<LrnGrad>);
  r.add("LRNGrad", kCpu, {{"T", kHalf2}}, widened<make<LrnGrad>>);
}

}  // namespace penstock
