// Elements moved without being looked at: kernels that only copy are written once for each
// element size, and once for strings and resources, not once for each dtype.
//
// `visit_element` gives the type that stands for a dtype while it is moved. `copy_elements`
// and `fill_elements` work on dense memory, in parallel when it is large.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/dtype.h"
#include "core/resource.h"
#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

struct Bytes16 {
  uint64_t low, high;
};

// Calls f(E()) with the type that has the size of `dtype` (strings and resources themselves).
template <class F>
auto visit_element(DType dtype, F&& f) {
  if (dtype == DType::kString) return f(std::string());
  if (dtype == DType::kResource) return f(ResourceHandle());
  switch (dtype_size(dtype)) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    case 8:
      return f(uint64_t());
    case 16:
      return f(Bytes16());
    default:
      throw_unexpected_dtype(dtype);
  }
}

// Nanoseconds to move one element, as parallel_for wants it.
inline double move_cost(DType dtype) {
  return is_plain(dtype) ? 0.12 * static_cast<double>(dtype_size(dtype)) : 20.0;
}

// The address of element `index` of memory that holds elements of `dtype`.
inline void* element_at(void* base, DType dtype, int64_t index) {
  return static_cast<char*>(base) + index * static_cast<int64_t>(dtype_size(dtype));
}
inline const void* element_at(const void* base, DType dtype, int64_t index) {
  return static_cast<const char*>(base) + index * static_cast<int64_t>(dtype_size(dtype));
}

// n dense elements from src to dst, on the calling thread.
void copy_block(DType dtype, void* dst, const void* src, int64_t n);
// The same, on several threads when there is much to copy.
void copy_elements(const KernelContext& ctx, DType dtype, void* dst, const void* src, int64_t n);
// n elements of dst become the one at `value`.
void fill_elements(const KernelContext& ctx, DType dtype, void* dst, const void* value, int64_t n);
// n elements of dst become zero, false or the empty string.
void clear_elements(const KernelContext& ctx, DType dtype, void* dst, int64_t n);
// Output `i` as a copy of `value` that nobody shares: the input's own buffer when it is dead
// after this call, fresh memory otherwise.
Tensor& copy_to_output(KernelContext& ctx, int output, int input);

}  // namespace penstock
