// Channels-first kernels made of channels-last ones: see channels_first.h.
#include "cpu/channels_first.h"

#include <cstring>
#include <utility>
#include <vector>

#include "cpu/axes.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

char role_of(const char* roles, size_t i) { return i < std::strlen(roles) ? roles[i] : '-'; }

// A list with one group of `width` numbers for each dimension, channels moved to the end.
std::vector<int64_t> channels_moved_last(const std::vector<int64_t>& list, size_t width) {
  std::vector<int64_t> out(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(width));
  out.insert(out.end(), list.begin() + static_cast<std::ptrdiff_t>(2 * width), list.end());
  out.insert(out.end(), list.begin() + static_cast<std::ptrdiff_t>(width),
             list.begin() + static_cast<std::ptrdiff_t>(2 * width));
  return out;
}

AttrValue channels_last_attr(const std::string& name, AttrValue value) {
  if (name == "data_format") return std::string("NHWC");
  auto* list = std::get_if<std::vector<int64_t>>(&value);
  if (list == nullptr) return value;
  if (name == "explicit_paddings" && list->size() == 8) return channels_moved_last(*list, 2);
  const bool per_dimension = name == "strides" || name == "dilations" || name == "ksize";
  if (per_dimension && list->size() == 4) return channels_moved_last(*list, 1);
  return value;
}

NodeInfo channels_last_node(const NodeInfo& node, const ImageRoles& roles) {
  NodeInfo out = node;
  out.attrs = node.attrs.mapped(channels_last_attr);
  for (size_t i = 0; i < out.constant_inputs.size(); ++i) {
    if (role_of(roles.inputs, i) != '-') out.constant_inputs[i].reset();
  }
  return out;
}

// [N, C, spatial…] to [N, spatial…, C], or back.
Tensor transposed(const KernelContext& ctx, const Tensor& t, bool to_last) {
  require(t.rank() >= 3, "an image must have batch, channels and spatial dimensions, got shape ",
          t.shape());
  const int rank = t.rank(), channel = to_last ? 1 : rank - 1;
  const int64_t channels = t.dim(channel), batch = t.dim(0);
  const int64_t pixels = to_last ? t.shape().product(2, rank) : t.shape().product(1, rank - 1);
  Shape shape{batch};
  if (!to_last) shape.push_back(channels);
  for (int d = 1; d < rank; ++d) {
    if (d != channel) shape.push_back(t.dim(d));
  }
  if (to_last) shape.push_back(channels);
  Tensor out = ctx.allocate_temp(t.dtype(), shape);
  StridedCopy copy;
  copy.add(batch, channels * pixels, channels * pixels);
  copy.add(channels, to_last ? 1 : pixels, to_last ? pixels : 1);
  copy.add(pixels, to_last ? channels : 1, to_last ? 1 : channels);
  copy_strided(ctx, t.dtype(), out.raw(), t.raw(), copy);
  return out;
}

// A vector of an image's sizes in the other order.
Tensor permuted_sizes(const KernelContext& ctx, const Tensor& sizes) {
  require(sizes.rank() == 1 && sizes.dim(0) == 4,
          "an image's sizes must be a vector of length 4, got shape ", sizes.shape());
  Tensor out = ctx.allocate_temp(DType::kInt32, sizes.shape());
  const int64_t order[4] = {0, 2, 3, 1};
  for (int i = 0; i < 4; ++i) {
    out.mutable_data<int32_t>()[i] = static_cast<int32_t>(int_at(sizes, order[i]));
  }
  return out;
}

class ChannelsFirst final : public Kernel {
 public:
  ChannelsFirst(const NodeInfo& node, KernelFactory factory, const ImageRoles& roles)
      : roles_(roles), last_(channels_last_node(node, roles)), kernel_(factory(last_)) {}

  void compute(KernelContext& ctx) override {
    const size_t num_inputs = last_.input_dtypes.size();
    const size_t num_outputs = last_.output_dtypes.size();
    std::vector<Tensor> inputs(num_inputs), outputs(num_outputs);
    std::vector<Tensor*> pointers(num_inputs);
    for (size_t i = 0; i < num_inputs; ++i) {
      const Tensor& given = ctx.input(static_cast<int>(i));
      const char role = role_of(roles_.inputs, i);
      inputs[i] = role == 'i'   ? transposed(ctx, given, true)
                  : role == 's' ? permuted_sizes(ctx, given)
                                : given;
      pointers[i] = &inputs[i];
    }
    KernelContext inner(last_, ctx.session(), pointers.data(), outputs.data(), 0);
    kernel_->compute(inner);
    for (size_t i = 0; i < num_outputs; ++i) {
      const bool image = role_of(roles_.outputs, i) == 'i';
      ctx.set_output(static_cast<int>(i),
                     image ? transposed(ctx, outputs[i], false) : std::move(outputs[i]));
    }
  }

 private:
  const ImageRoles roles_;
  const NodeInfo last_;
  const std::unique_ptr<Kernel> kernel_;
};

}  // namespace

bool is_channels_first(const NodeInfo& node) {
  const auto format = node.attrs.get_or<std::string>("data_format", "NHWC");
  if (format == "NCHW" || format == "NCDHW") return true;
  require(format == "NHWC" || format == "NDHWC", "data_format ", format, " is not supported");
  return false;
}

std::unique_ptr<Kernel> make_channels_first(const NodeInfo& node, KernelFactory factory,
                                            const ImageRoles& roles) {
  return std::make_unique<ChannelsFirst>(node, factory, roles);
}

}  // namespace penstock
