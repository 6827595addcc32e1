// Input forwarding: an output takes over the memory of an input that dies with this call.
#include "runtime/kernel.h"

namespace penstock {
namespace {

// A part of something much larger would keep all of it: a quarter is lost by rounding at most.
bool fills_its_buffer(const Tensor& tensor) {
  const size_t bytes = tensor.bytes();
  return tensor.buffer()->bytes <= bytes + bytes / 4 + 64;
}

}  // namespace

Tensor& KernelContext::forward_or_allocate(int output, const Shape& shape,
                                           std::initializer_list<int> candidates) {
  const DType dtype = output_dtypes_[output];
  const size_t element = dtype_size(dtype);
  for (int i : candidates) {
    Tensor& input = *inputs_[i];
    if (!can_forward(i) || dtype_size(input.dtype()) != element ||
        is_plain(input.dtype()) != is_plain(dtype) ||
        input.num_elements() != shape.num_elements() || !fills_its_buffer(input)) {
      continue;
    }
    void* data = input.raw();
    outputs_[output] = Tensor(dtype, shape, input.take_buffer(), data);
    return outputs_[output];
  }
  return allocate_output(output, shape);
}

}  // namespace penstock
