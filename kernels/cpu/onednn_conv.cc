// Conv2D and its gradients through oneDNN, in float32: the work is cut into pieces of whole
// images, one for each thread (of rows, where there are fewer images than threads). A filter's
// gradient is a sum of one part for each piece, added in their order.
//
// Where the library has nothing fast for the sizes, the portable kernel takes over.
#ifdef PENSTOCK_ONEDNN
#include "cpu/onednn_conv.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "core/arena.h"
#include "cpu/axes.h"
#include "cpu/channels_first.h"
#include "cpu/gemm.h"
#include "cpu/register.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

using onednn::ConvKind;
using onednn::ConvPlan;

// Images [image, image + sizes.batch), and of each the rows that `sizes` describes.
struct Piece {
  ConvSizes sizes;
  int64_t input_offset, output_offset;
  std::shared_ptr<const ConvPlan> plan;
};

ConvSizes with_images(const ConvSizes& s, int64_t images) {
  ConvSizes part = s;
  part.batch = images;
  return part;
}

// The convolution that makes output rows [begin, end) of one image. `first_row` is set to the
// first row of the input that it reads.
ConvSizes with_rows(const ConvSizes& s, int64_t begin, int64_t end, int64_t* first_row) {
  ConvSizes part = with_images(s, 1);
  WindowDim& h = part.height;
  const int64_t start = h.start(begin);
  const int64_t stop = h.start(end - 1) + (h.window - 1) * h.dilation + 1;
  *first_row = std::clamp<int64_t>(start, 0, s.height.input);
  const int64_t last_row = std::clamp<int64_t>(stop, *first_row, s.height.input);
  h.input = last_row - *first_row;
  h.output = end - begin;
  h.before = *first_row - start;
  h.after = stop - last_row;
  return part;
}

std::vector<Piece> cut_images(const ConvSizes& s, int64_t count) {
  std::vector<Piece> pieces;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = i * s.batch / count, end = (i + 1) * s.batch / count;
    pieces.push_back({with_images(s, end - begin), begin * s.input_shape().product(1, 4),
                      begin * s.output_shape().product(1, 4), nullptr});
  }
  return pieces;
}

std::vector<Piece> cut_rows(const ConvSizes& s, int64_t bands) {
  std::vector<Piece> pieces;
  bands = std::min(bands, s.height.output);
  for (int64_t i = 0; i < s.batch * bands; ++i) {
    const int64_t image = i / bands, band = i % bands;
    const int64_t begin = band * s.height.output / bands;
    const int64_t end = (band + 1) * s.height.output / bands;
    int64_t first_row;
    const ConvSizes part = with_rows(s, begin, end, &first_row);
    pieces.push_back({part, (image * s.height.input + first_row) * s.width.input * s.in_channels,
                      (image * s.height.output + begin) * s.width.output * s.out_channels,
                      nullptr});
  }
  return pieces;
}

double cost_of(const ConvSizes& s) {
  return 0.3 * product_cost(s.batch * s.pixels(), s.patch(), s.out_channels);
}

// Pieces with their plans; empty where the portable kernel should compute.
std::vector<Piece> planned(ConvKind kind, std::vector<Piece> pieces) {
  for (Piece& piece : pieces) {
    piece.plan = onednn::conv_plan(kind, piece.sizes);
    if (!piece.plan->usable || piece.plan->weights != pieces[0].plan->weights) return {};
  }
  return pieces;
}

std::vector<Piece> pieces_for(const KernelContext& ctx, ConvKind kind, const ConvSizes& s) {
  if (s.is_empty()) return {};
  if (kind == ConvKind::kFilter) {
    return planned(kind, cut_images(s, num_partial_sums(ctx, s.batch)));
  }
  const int64_t parts = cost_of(s) < 40000.0 ? 1 : num_parts(ctx);
  if (kind == ConvKind::kForward && s.batch < parts) {
    return planned(kind, cut_rows(s, (parts + s.batch - 1) / s.batch));
  }
  return planned(kind, cut_images(s, std::min(s.batch, parts)));
}

template <class Run>
void for_pieces(const KernelContext& ctx, const std::vector<Piece>& pieces, const Run& run) {
  ctx.parallel_for(static_cast<int64_t>(pieces.size()), cost_of(pieces[0].sizes),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i) run(static_cast<size_t>(i));
                   });
}

Tensor floats(const KernelContext& ctx, const dnnl::memory::desc& desc, int64_t copies = 1) {
  const auto bytes = static_cast<int64_t>(desc.get_size());
  const OutsideArena outside;
  return ctx.allocate_temp(DType::kFloat32, Shape{copies, bytes / 4});
}

// The filter in the layout of the plan.
Tensor laid_out(const KernelContext& ctx, const Tensor& filter, const ConvPlan& plan,
                ConvKind kind) {
  if (!plan.reorders) return filter;
  Tensor out = floats(ctx, plan.weights);
  onednn::run_reorder(plan, kind, filter.data<float>(), out.mutable_data<float>());
  return out;
}

class Conv2DBase : public Kernel {
 public:
  explicit Conv2DBase(const NodeInfo& node)
      : attrs_(node),
        portable_(make_portable_conv(node)),
        constant_filter_(node.constant_inputs[1].has_value()) {}

 protected:
  // A filter that is a constant of the graph is laid out once, and again only when sizes come
  // that want another layout.
  Tensor filter_for(const KernelContext& ctx, const ConvPlan& plan, ConvKind kind) {
    const Tensor& filter = ctx.input(1);
    if (!plan.reorders || !constant_filter_) return laid_out(ctx, filter, plan, kind);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!kept_.has_value() || kept_layout_ != plan.weights) {
      kept_ = laid_out(ctx, filter, plan, kind);
      kept_layout_ = plan.weights;
    }
    return kept_;
  }

  const WindowAttrs attrs_;
  const std::unique_ptr<Kernel> portable_;

 private:
  const bool constant_filter_;
  std::mutex mutex_;
  Tensor kept_;  // with its layout, under mutex_
  dnnl::memory::desc kept_layout_;
};

class Conv2D final : public Conv2DBase {
 public:
  using Conv2DBase::Conv2DBase;

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const ConvSizes s = conv_sizes(attrs_, x.shape(), ctx.input(1).shape());
    const auto pieces = pieces_for(ctx, ConvKind::kForward, s);
    if (pieces.empty()) return portable_->compute(ctx);
    const Tensor filter = filter_for(ctx, *pieces[0].plan, ConvKind::kForward);
    float* y = ctx.allocate_output(0, s.output_shape()).mutable_data<float>();
    for_pieces(ctx, pieces, [&](size_t i) {
      const Piece& p = pieces[i];
      onednn::run_conv(*p.plan, ConvKind::kForward, *ctx.session().allocator,
                       x.data<float>() + p.input_offset, filter.data<float>(), y + p.output_offset);
    });
  }
};

class Conv2DBackpropInput final : public Conv2DBase {
 public:
  using Conv2DBase::Conv2DBase;

  void compute(KernelContext& ctx) override {
    const Tensor& dy = ctx.input(2);
    const Shape shape = input_shape_from(ctx.input(0), ctx.input(1), dy);
    const ConvSizes s = conv_sizes(attrs_, shape, ctx.input(1).shape(), dy.shape());
    const auto pieces = pieces_for(ctx, ConvKind::kInput, s);
    if (pieces.empty()) return portable_->compute(ctx);
    const Tensor filter = filter_for(ctx, *pieces[0].plan, ConvKind::kInput);
    float* dx = ctx.allocate_output(0, shape).mutable_data<float>();
    for_pieces(ctx, pieces, [&](size_t i) {
      const Piece& p = pieces[i];
      onednn::run_conv(*p.plan, ConvKind::kInput, *ctx.session().allocator, dx + p.input_offset,
                       filter.data<float>(), dy.data<float>() + p.output_offset);
    });
  }
};

class Conv2DBackpropFilter final : public Conv2DBase {
 public:
  using Conv2DBase::Conv2DBase;

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const Tensor& dy = ctx.input(2);
    const Shape shape = shape_from(ctx.input(1), "filter_sizes");
    const ConvSizes s = conv_sizes(attrs_, x.shape(), shape, dy.shape());
    const auto pieces = pieces_for(ctx, ConvKind::kFilter, s);
    if (pieces.empty()) return portable_->compute(ctx);
    const ConvPlan& plan = *pieces[0].plan;
    const auto count = static_cast<int64_t>(pieces.size());
    Tensor parts = floats(ctx, plan.weights, count);
    const int64_t size = parts.dim(1);
    float* sums = parts.mutable_data<float>();
    for_pieces(ctx, pieces, [&](size_t i) {
      const Piece& p = pieces[i];
      onednn::run_conv(*p.plan, ConvKind::kFilter, *ctx.session().allocator,
                       x.data<float>() + p.input_offset, sums + static_cast<int64_t>(i) * size,
                       dy.data<float>() + p.output_offset);
    });
    for (int64_t i = 1; i < count; ++i) {
      vector_table().binary.add.f32.both(sums, sums + i * size, sums, size);
    }
    float* out = ctx.allocate_output(0, shape).mutable_data<float>();
    if (plan.reorders) return onednn::run_reorder(plan, ConvKind::kFilter, sums, out);
    std::copy(sums, sums + size, out);
  }
};

template <template <KernelFactory> class Wrap>
void add_for(KernelRegistry& r, const DTypeSet& dtypes) {
  const auto add = [&](const char* op, KernelFactory factory) {
    r.add(op, kCpu, {{"T", dtypes}}, factory, Cost::kHeavy, 10, "onednn");
  };
  add("Conv2D", either_layout<Wrap<make<Conv2D>>::factory, kConvRoles>);
  add("Conv2DBackpropInput",
      either_layout<Wrap<make<Conv2DBackpropInput>>::factory, kConvInputRoles>);
  add("Conv2DBackpropFilter",
      either_layout<Wrap<make<Conv2DBackpropFilter>>::factory, kConvFilterRoles>);
}

}  // namespace

void register_onednn_conv(KernelRegistry& r) {
  add_for<AsItIs>(r, DType::kFloat32);
  add_for<ByWidening>(r, kHalf2);
}

}  // namespace penstock
#endif
