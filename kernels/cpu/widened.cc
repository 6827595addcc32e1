// Kernels for half precision, made of float32 kernels: see widened.h.
#include "cpu/widened.h"

#include <array>
#include <utility>
#include <vector>

#include "core/half.h"

namespace penstock {
namespace {

DType widened_dtype(DType dtype) { return kHalf2.has(dtype) ? DType::kFloat32 : dtype; }

template <class To, class From>
void convert(const KernelContext& ctx, To* to, const From* from, int64_t n) {
  ctx.parallel_for(n, 1.0, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = To(float(from[i]));
  });
}

Tensor widen(const KernelContext& ctx, const Tensor& t) {
  Tensor wide = ctx.allocate_temp(DType::kFloat32, t.shape());
  float* to = wide.mutable_data<float>();
  if (t.dtype() == DType::kFloat16) {
    convert(ctx, to, t.data<float16>(), t.num_elements());
  } else {
    convert(ctx, to, t.data<bfloat16>(), t.num_elements());
  }
  return wide;
}

void narrow(KernelContext& ctx, int output, const Tensor& wide) {
  Tensor& t = ctx.allocate_output(output, wide.shape());
  if (t.dtype() == DType::kFloat16) {
    convert(ctx, t.mutable_data<float16>(), wide.data<float>(), t.num_elements());
  } else {
    convert(ctx, t.mutable_data<bfloat16>(), wide.data<float>(), t.num_elements());
  }
}

NodeInfo widened_node(const NodeInfo& node) {
  NodeInfo wide = node;
  wide.attrs = node.attrs.mapped([](const std::string&, AttrValue value) {
    if (DType* dtype = std::get_if<DType>(&value)) *dtype = widened_dtype(*dtype);
    return value;
  });
  for (DType& dtype : wide.input_dtypes) dtype = widened_dtype(dtype);
  for (DType& dtype : wide.output_dtypes) dtype = widened_dtype(dtype);
  for (Tensor& constant : wide.constant_inputs) {
    if (constant.has_value() && kHalf2.has(constant.dtype())) constant.reset();
  }
  return wide;
}

class Widened final : public Kernel {
 public:
  Widened(const NodeInfo& node, KernelFactory factory)
      : wide_(widened_node(node)), kernel_(factory(wide_)) {}

  void compute(KernelContext& ctx) override {
    const size_t num_inputs = wide_.input_dtypes.size();
    const size_t num_outputs = wide_.output_dtypes.size();
    std::vector<Tensor> inputs(num_inputs), outputs(num_outputs);
    std::vector<Tensor*> pointers(num_inputs);
    for (size_t i = 0; i < num_inputs; ++i) {
      const Tensor& given = ctx.input(static_cast<int>(i));
      inputs[i] = kHalf2.has(given.dtype()) ? widen(ctx, given) : given;
      pointers[i] = &inputs[i];
    }
    KernelContext inner(wide_, ctx.session(), pointers.data(), outputs.data(), 0);
    kernel_->compute(inner);
    for (size_t i = 0; i < num_outputs; ++i) {
      const int output = static_cast<int>(i);
      if (kHalf2.has(ctx.node().output_dtypes[i])) {
        narrow(ctx, output, outputs[i]);
      } else {
        ctx.set_output(output, std::move(outputs[i]));
      }
    }
  }

 private:
  const NodeInfo wide_;
  const std::unique_ptr<Kernel> kernel_;
};

}  // namespace

std::unique_ptr<Kernel> make_widened(const NodeInfo& node, KernelFactory factory) {
  return std::make_unique<Widened>(node, factory);
}

}  // namespace penstock
