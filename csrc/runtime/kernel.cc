// Input forwarding: an output takes over the memory of an input that dies with this call.
#include "runtime/kernel.h"

namespace penstock {
namespace {

// Elements of one dtype may take the place of the other's.
bool alike(DType a, DType b) {
  return a == b || (dtype_size(a) == dtype_size(b) && is_plain(a) == is_plain(b));
}

}  // namespace

Tensor& KernelContext::forward_or_allocate(int output, const Shape& shape,
                                           std::initializer_list<int> candidates) {
  const DType dtype = output_dtypes_[output];
  const int64_t elements = shape.num_elements();
  const size_t bytes = static_cast<size_t>(elements) * dtype_size(dtype);
  // A part of something much larger would keep all of it: a quarter is lost by rounding at most.
  const size_t most = bytes + bytes / 4 + 64;
  for (int i : candidates) {
    Tensor& input = *inputs_[i];
    if (!can_forward(i) || !alike(input.dtype(), dtype) || input.num_elements() != elements ||
        input.buffer()->bytes > most) {
      continue;
    }
    void* data = input.raw();
    outputs_[output] = Tensor(dtype, shape, input.take_buffer(), data);
    return outputs_[output];
  }
  return allocate_output(output, shape);
}

}  // namespace penstock
