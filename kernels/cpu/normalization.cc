// Batch normalisation and its gradient, with the statistics of the batch (training) or given
// ones: FusedBatchNorm V1 to V3 and FusedBatchNormGrad V1 to V3.
#include <cmath>
#include <limits>

#include "cpu/channel_rows.h"
#include "cpu/channels_first.h"
#include "cpu/register.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

struct BatchNormAttrs {
  explicit BatchNormAttrs(const NodeInfo& node)
      : epsilon(node.attrs.get_or<double>("epsilon", 1e-4)),
        factor(node.attrs.get_or<double>("exponential_avg_factor", 1.0)),
        training(node.attrs.get_or<bool>("is_training", true)) {}
  double epsilon, factor;
  bool training;
};

void check_image(const Tensor& x) {
  require(x.rank() == 4 || x.rank() == 5, "the input must have 4 or 5 dimensions, got shape ",
          x.shape());
}

// The vector at input i, with one number for each channel.
const float* channel_vector(const KernelContext& ctx, int i, int64_t channels, const char* what) {
  const Tensor& t = ctx.input(i);
  require(t.rank() == 1 && t.dim(0) == channels, what, " must be a vector of length ", channels,
          ", the input's channels, got shape ", t.shape());
  return t.data<float>();
}

using Floats = std::vector<float>;

Floats scaled(const std::vector<double>& sums, double factor) {
  Floats out;
  for (double sum : sums) out.push_back(static_cast<float>(sum * factor));
  return out;
}

class FusedBatchNorm final : public Kernel {
 public:
  explicit FusedBatchNorm(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    check_image(x);
    const ChannelRows rows(x.shape());
    const float* scale = channel_vector(ctx, 1, rows.channels(), "scale");
    const float* offset = channel_vector(ctx, 2, rows.channels(), "offset");
    Floats mean, variance;
    if (attrs_.training) {
      find_statistics(ctx, rows, mean, variance);
    } else {
      const float* given = channel_vector(ctx, 3, rows.channels(), "mean");
      mean.assign(given, given + rows.channels());
      given = channel_vector(ctx, 4, rows.channels(), "variance");
      variance.assign(given, given + rows.channels());
    }
    write_statistics(ctx, rows, mean, variance);
    normalize(ctx, rows, mean, variance, scale, offset);
  }

 private:
  static void find_statistics(const KernelContext& ctx, const ChannelRows& rows, Floats& mean,
                              Floats& variance) {
    const float* x = ctx.input(0).data<float>();
    const auto& sum = vector_table().reduction.sum.f32.columns;
    const double share = rows.rows() == 0 ? 0.0 : 1.0 / static_cast<double>(rows.rows());
    mean = scaled(rows.sums(ctx, [&](int64_t first, int64_t n, int64_t columns,
                                     float* acc) { sum(x + first, n, columns, columns, acc); }),
                  share);
    const Floats repeated = rows.repeated(mean.data());
    variance = scaled(rows.sums(ctx,
                                [&](int64_t first, int64_t n, int64_t columns, float* acc) {
                                  vector_table().normalization.add_squares(
                                      x + first, repeated.data(), n, columns, acc);
                                }),
                      share);
  }

  // The running statistics (outputs 1 and 2) and those of this batch (3 and 4).
  void write_statistics(KernelContext& ctx, const ChannelRows& rows, const Floats& mean,
                        const Floats& variance) const {
    const int64_t channels = rows.channels();
    const auto put = [&](int output, const Floats& values) {
      std::copy(values.begin(), values.end(),
                ctx.allocate_output(output, Shape{channels}).mutable_data<float>());
    };
    put(3, mean);
    put(4, variance);
    if (ctx.num_outputs() > 5) ctx.allocate_output(5, Shape{0});
    if (!attrs_.training) {
      put(1, mean);
      put(2, variance);
      return;
    }
    const double n = static_cast<double>(rows.rows());
    Floats new_mean = mean, new_variance = variance;
    for (float& v : new_variance) v = static_cast<float>(v * (n / std::max(1.0, n - 1.0)));
    if (rows.rows() == 0) {
      const float nan = std::numeric_limits<float>::quiet_NaN();
      std::fill(new_mean.begin(), new_mean.end(), nan);
      std::fill(new_variance.begin(), new_variance.end(), nan);
    }
    if (attrs_.factor != 1.0) {
      blend(new_mean, channel_vector(ctx, 3, channels, "mean"));
      blend(new_variance, channel_vector(ctx, 4, channels, "variance"));
    }
    put(1, new_mean);
    put(2, new_variance);
  }

  // Moves the old running values `factor` of the way towards `values`.
  void blend(Floats& values, const float* old) const {
    for (size_t c = 0; c < values.size(); ++c) {
      const double kept = (1.0 - attrs_.factor) * old[c];
      values[c] = static_cast<float>(kept + attrs_.factor * values[c]);
    }
  }

  void normalize(KernelContext& ctx, const ChannelRows& rows, const Floats& mean,
                 const Floats& variance, const float* scale, const float* offset) const {
    Floats factor(mean.size());
    for (size_t c = 0; c < factor.size(); ++c) {
      factor[c] = static_cast<float>(scale[c] / std::sqrt(variance[c] + attrs_.epsilon));
    }
    const Floats m = rows.repeated(mean.data()), f = rows.repeated(factor.data());
    const Floats o = rows.repeated(offset);
    const float* x = ctx.input(0).data<float>();
    float* y = ctx.forward_or_allocate(0, ctx.input(0).shape(), {0}).mutable_data<float>();
    rows.map(ctx, [&](int64_t first, int64_t n, int64_t columns) {
      vector_table().normalization.normalize(x + first, m.data(), f.data(), o.data(), n, columns,
                                             y + first);
    });
  }

  const BatchNormAttrs attrs_;
};

// Inputs: the output's gradient, x, scale, and the statistics that the forward op used.
class FusedBatchNormGrad final : public Kernel {
 public:
  explicit FusedBatchNormGrad(const NodeInfo& node) : attrs_(node) {}

  void compute(KernelContext& ctx) override {
    const Tensor& given_dy = ctx.input(0);
    const Tensor& given_x = ctx.input(1);
    check_image(given_x);
    require(given_dy.shape() == given_x.shape(), "y_backprop must have the shape of x, ",
            given_x.shape(), ", got ", given_dy.shape());
    const ChannelRows rows(given_x.shape());
    const int64_t channels = rows.channels();
    const float* scale = channel_vector(ctx, 2, channels, "scale");
    const float* mean = channel_vector(ctx, 3, channels, "reserve_space_1");
    const float* variance = channel_vector(ctx, 4, channels, "reserve_space_2");
    const float* dy = given_dy.data<float>();
    const float* x = given_x.data<float>();
    const Floats m = rows.repeated(mean);
    const auto sums = rows.sums(ctx, [&](int64_t first, int64_t n, int64_t columns, float* acc) {
      vector_table().reduction.sum.f32.columns(dy + first, n, columns, columns, acc);
    });
    const auto products = rows.sums(ctx, [&](int64_t first, int64_t n, int64_t columns,
                                             float* acc) {
      vector_table().normalization.add_products(dy + first, x + first, m.data(), n, columns, acc);
    });

    Floats base(m.size()), slope(m.size()), factor(m.size());
    float* d_scale = ctx.allocate_output(1, Shape{channels}).mutable_data<float>();
    float* d_offset = ctx.allocate_output(2, Shape{channels}).mutable_data<float>();
    const double share = rows.rows() == 0 ? 0.0 : 1.0 / static_cast<double>(rows.rows());
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      const double inverse = 1.0 / (variance[c] + attrs_.epsilon);
      const double root = std::sqrt(inverse);
      d_scale[c] = static_cast<float>(products[c] * root);
      d_offset[c] = static_cast<float>(sums[c]);
      factor[c] = static_cast<float>(scale[c] * root);
      base[c] = attrs_.training ? static_cast<float>(sums[c] * share) : 0.0f;
      slope[c] = attrs_.training ? static_cast<float>(products[c] * share * inverse) : 0.0f;
    }
    ctx.allocate_output(3, Shape{0});
    ctx.allocate_output(4, Shape{0});
    const Floats b = rows.repeated(base.data()), s = rows.repeated(slope.data());
    const Floats f = rows.repeated(factor.data());
    float* dx = ctx.forward_or_allocate(0, given_x.shape(), {0, 1}).mutable_data<float>();
    rows.map(ctx, [&](int64_t first, int64_t n, int64_t columns) {
      vector_table().normalization.gradient(dy + first, x + first, m.data(), b.data(), s.data(),
                                            f.data(), n, columns, dx + first);
    });
  }

 private:
  const BatchNormAttrs attrs_;
};

constexpr ImageRoles kForward = {"i", "i"};
constexpr ImageRoles kGradient = {"ii", "i"};

}  // namespace

void register_normalization(KernelRegistry& r) {
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    constexpr KernelFactory factory = make<FusedBatchNorm>;
    r.add(op, kCpu, {{"T", DType::kFloat32}}, either_layout<factory, kForward>);
    r.add(op, kCpu, {{"T", kHalf2}}, either_layout<widened<factory>, kForward>);
  }
  for (const char* op : {"FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3"}) {
    constexpr KernelFactory factory = make<FusedBatchNormGrad>;
    r.add(op, kCpu, {{"T", DType::kFloat32}}, either_layout<factory, kGradient>);
    r.add(op, kCpu, {{"T", kHalf2}}, either_layout<widened<factory>, kGradient>);
  }
}

}  // namespace penstock
