// Chooses layouts and makes convolution primitives: see onednn_conv.h.
//
// Images stay NHWC, so that nothing large is ever reordered. A filter is small: it is read as
// it is where the library has its fast code for that, and reordered first where it has not.
#ifdef PENSTOCK_ONEDNN
#include <cstring>

#include "cpu/onednn_conv.h"

namespace penstock::onednn {
namespace {

using dnnl::memory;
constexpr auto kFloat = memory::data_type::f32;

struct Geometry {
  memory::dims input, weights, output, strides, dilations, before, after;
};

Geometry geometry_of(const ConvSizes& s) {
  return {{s.batch, s.in_channels, s.height.input, s.width.input},
          {s.out_channels, s.in_channels, s.height.window, s.width.window},
          {s.batch, s.out_channels, s.height.output, s.width.output},
          {s.height.stride, s.width.stride},
          {s.height.dilation - 1, s.width.dilation - 1},
          {s.height.before, s.width.before},
          {s.height.after, s.width.after}};
}

dnnl::primitive_attr user_scratch() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

memory::desc image(const memory::dims& dims, bool fixed = true) {
  return {dims, kFloat, fixed ? memory::format_tag::nhwc : memory::format_tag::any};
}
memory::desc filter(const memory::dims& dims, bool plain) {
  return {dims, kFloat, plain ? memory::format_tag::hwio : memory::format_tag::any};
}

dnnl::convolution_forward::primitive_desc forward_desc(const Geometry& g, const memory::desc& x,
                                                       const memory::desc& w,
                                                       const memory::desc& y) {
  return {engine(),
          dnnl::prop_kind::forward_training,
          dnnl::algorithm::convolution_direct,
          x,
          w,
          y,
          g.strides,
          g.dilations,
          g.before,
          g.after,
          user_scratch()};
}

// Fast code has no "ref" in its name; "gemm" is fast only where little else is.
bool is_reference(const dnnl::primitive_desc_base& desc) {
  return std::strstr(desc.impl_info_str(), "ref") != nullptr;
}
bool is_product(const dnnl::primitive_desc_base& desc) {
  return std::strstr(desc.impl_info_str(), "gemm") != nullptr;
}

template <class Desc>
void fill_plan(ConvPlan& plan, const Geometry& g, const Desc& desc) {
  if (is_reference(desc)) return;
  plan.usable = true;
  plan.input = image(g.input);
  plan.output = image(g.output);
  plan.plain_weights = filter(g.weights, true);
  plan.scratch = desc.scratchpad_desc();
}

void add_reorder(ConvPlan& plan, const memory::desc& from, const memory::desc& to) {
  plan.reorders = plan.weights != plan.plain_weights;
  if (!plan.reorders) return;
  plan.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
}

void make_forward(ConvPlan& plan, const Geometry& g) {
  auto desc = forward_desc(g, image(g.input), filter(g.weights, true), image(g.output));
  if (is_reference(desc) || is_product(desc)) {
    auto other = forward_desc(g, image(g.input), filter(g.weights, false), image(g.output));
    if (!is_reference(other)) desc = other;
  }
  fill_plan(plan, g, desc);
  if (!plan.usable) return;
  plan.weights = desc.weights_desc();
  add_reorder(plan, plan.plain_weights, plan.weights);
  plan.primitive = dnnl::convolution_forward(desc);
}

dnnl::convolution_forward::primitive_desc hint(const Geometry& g) {
  return forward_desc(g, image(g.input, false), filter(g.weights, false), image(g.output, false));
}

void make_input(ConvPlan& plan, const Geometry& g) {
  constexpr int64_t kFewChannels = 16;  // fewer do not fill a register: a product is faster
  using Desc = dnnl::convolution_backward_data::primitive_desc;
  const Desc desc(engine(), dnnl::algorithm::convolution_direct, image(g.input),
                  filter(g.weights, g.input[1] < kFewChannels), image(g.output), g.strides,
                  g.dilations, g.before, g.after, hint(g), user_scratch());
  fill_plan(plan, g, desc);
  if (!plan.usable) return;
  plan.weights = desc.weights_desc();
  add_reorder(plan, plan.plain_weights, plan.weights);
  plan.primitive = dnnl::convolution_backward_data(desc);
}

void make_filter(ConvPlan& plan, const Geometry& g) {
  using Desc = dnnl::convolution_backward_weights::primitive_desc;
  const Desc desc(engine(), dnnl::algorithm::convolution_direct, image(g.input),
                  filter(g.weights, false), image(g.output), g.strides, g.dilations, g.before,
                  g.after, hint(g), user_scratch());
  fill_plan(plan, g, desc);
  if (!plan.usable) return;
  plan.weights = desc.diff_weights_desc();
  add_reorder(plan, plan.weights, plan.plain_weights);
  plan.primitive = dnnl::convolution_backward_weights(desc);
}

std::shared_ptr<ConvPlan> make_plan(ConvKind kind, const ConvSizes& sizes) {
  auto plan = std::make_shared<ConvPlan>();
  const OneThread one;
  const Geometry g = geometry_of(sizes);
  try {
    if (kind == ConvKind::kForward) make_forward(*plan, g);
    if (kind == ConvKind::kInput) make_input(*plan, g);
    if (kind == ConvKind::kFilter) make_filter(*plan, g);
  } catch (const dnnl::error&) {
    plan->usable = false;  // sizes that it does not support
  }
  return plan;
}

}  // namespace

std::shared_ptr<const ConvPlan> conv_plan(ConvKind kind, const ConvSizes& s) {
  const auto& [h, w] = std::tie(s.height, s.width);
  const Key key{static_cast<int64_t>(kind),
                s.batch,
                s.in_channels,
                s.out_channels,
                h.input,
                h.window,
                h.stride,
                h.dilation,
                h.output,
                h.before,
                h.after,
                w.input,
                w.window,
                w.stride,
                w.dilation,
                w.output,
                w.before,
                w.after};
  return cached<ConvPlan>(key, [&] { return make_plan(kind, s); });
}

void run_conv(const ConvPlan& plan, ConvKind kind, Allocator& allocator, const float* input,
              const float* weights, const float* output) {
  const OneThread one;
  const auto bytes = static_cast<int64_t>(plan.scratch.get_size());
  const Tensor scratch(allocator, DType::kUInt8, Shape{bytes});
  const auto at = [](const memory::desc& desc, const void* data) {
    return memory(desc, engine(), const_cast<void*>(data));
  };
  const bool to_input = kind == ConvKind::kInput, to_filter = kind == ConvKind::kFilter;
  const bool forward = kind == ConvKind::kForward;
  checked("convolution", [&] {
    plan.primitive.execute(
        stream(),
        {{to_input ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, at(plan.input, input)},
         {to_filter ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, at(plan.weights, weights)},
         {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, at(plan.output, output)},
         {DNNL_ARG_SCRATCHPAD, at(plan.scratch, scratch.raw())}});
  });
}

void run_reorder(const ConvPlan& plan, ConvKind kind, const float* from, float* to) {
  const OneThread one;
  const bool back = kind == ConvKind::kFilter;
  const memory source(back ? plan.weights : plan.plain_weights, engine(), const_cast<float*>(from));
  const memory target(back ? plan.plain_weights : plan.weights, engine(), to);
  checked("reorder", [&] {
    plan.reorder.execute(stream(), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}});
  });
}

}  // namespace penstock::onednn
#endif
