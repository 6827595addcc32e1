// Dense copies and fills. What enters is memory of one dtype; what leaves has the same
// elements. Plain dtypes are moved as bytes, strings and resources by assignment.
#include "cpu/elements.h"

namespace penstock {

void copy_block(DType dtype, void* dst, const void* src, int64_t n) {
  if (n <= 0) return;
  if (is_plain(dtype)) {
    std::memcpy(dst, src, static_cast<size_t>(n) * dtype_size(dtype));
    return;
  }
  visit_element(dtype, [&](auto zero) {
    using E = decltype(zero);
    std::copy_n(static_cast<const E*>(src), n, static_cast<E*>(dst));
  });
}

void copy_elements(const KernelContext& ctx, DType dtype, void* dst, const void* src, int64_t n) {
  ctx.parallel_for(n, move_cost(dtype), [&](int64_t begin, int64_t end) {
    copy_block(dtype, element_at(dst, dtype, begin), element_at(src, dtype, begin), end - begin);
  });
}

void fill_elements(const KernelContext& ctx, DType dtype, void* dst, const void* value, int64_t n) {
  visit_element(dtype, [&](auto zero) {
    using E = decltype(zero);
    const E& v = *static_cast<const E*>(value);
    ctx.parallel_for(n, move_cost(dtype) / 2, [&](int64_t begin, int64_t end) {
      std::fill(static_cast<E*>(dst) + begin, static_cast<E*>(dst) + end, v);
    });
  });
}

void clear_elements(const KernelContext& ctx, DType dtype, void* dst, int64_t n) {
  if (!is_plain(dtype)) {
    visit_element(dtype,
                  [&](auto zero) { std::fill_n(static_cast<decltype(zero)*>(dst), n, zero); });
    return;
  }
  const auto size = static_cast<int64_t>(dtype_size(dtype));
  ctx.parallel_for(n, move_cost(dtype) / 2, [&](int64_t begin, int64_t end) {
    std::memset(element_at(dst, dtype, begin), 0, static_cast<size_t>((end - begin) * size));
  });
}

Tensor& copy_to_output(KernelContext& ctx, int output, int input) {
  const Tensor& in = ctx.input(input);
  const void* from = in.raw();  // still readable after the buffer has moved to the output
  const DType dtype = in.dtype();
  Tensor& out = ctx.forward_or_allocate(output, in.shape(), {input});
  if (out.raw() != from) copy_elements(ctx, dtype, out.raw(), from, out.num_elements());
  return out;
}

}  // namespace penstock
