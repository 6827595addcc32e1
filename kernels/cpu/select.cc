// Choosing between two tensors by a condition. Elements are moved, not looked at, so there is
// one loop for each element size.
//
// SelectV2 broadcasts all three; Select takes a condition of the operands' shape, a scalar, or
// a vector that chooses rows.
#include <type_traits>

#include "cpu/broadcast.h"
#include "cpu/elements.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// A row of n elements; steps are 0 or 1.
template <class E>
struct SelectRow {
  const bool* condition;
  const E* t;
  const E* e;
  E* out;
  const int64_t* step;  // of condition, t, e

  void run(const int64_t* offset, int64_t at, int64_t n) const {
    const bool* c = condition + offset[0];
    const E* a = t + offset[1];
    const E* b = e + offset[2];
    E* z = out + at;
    if (step[0] == 0) return choose(*c ? a : b, *c ? step[1] : step[2], z, n);
    if (step[1] == 1 && step[2] == 1) {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) z[i] = pick(c[i], a[i], b[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) z[i] = c[i] ? a[i * step[1]] : b[i * step[2]];
    }
  }
  // Arithmetic, so that the compiler has no branch to make of it.
  static E pick(bool condition, const E& t, const E& e) {
    if constexpr (std::is_integral_v<E>) {
      const E mask = static_cast<E>(E(0) - static_cast<E>(condition));
      return static_cast<E>((t & mask) | (e & ~mask));
    } else {
      return condition ? t : e;
    }
  }
  static void choose(const E* source, int64_t source_step, E* z, int64_t n) {
    if (source_step == 0) {
      std::fill_n(z, n, *source);
    } else if (source != z) {
      std::copy_n(source, n, z);
    }
  }
};

void select(KernelContext& ctx, const Shape& condition_shape, const Shape& shape) {
  const Tensor& condition = ctx.input(0);
  const Tensor& t = ctx.input(1);
  const Tensor& e = ctx.input(2);
  if (shape.num_elements() == 0) {
    ctx.allocate_output(0, shape);
    return;
  }
  if (condition.num_elements() == 1) {
    const Tensor& chosen = *condition.data<bool>() ? t : e;
    if (chosen.shape() == shape) return ctx.set_output(0, chosen);
  }
  const Broadcast broadcast({&condition_shape, &t.shape(), &e.shape()}, shape);
  visit_element(t.dtype(), [&](auto element) {
    using E = decltype(element);
    SelectRow<E> row{condition.data<bool>(), static_cast<const E*>(t.raw()),
                     static_cast<const E*>(e.raw()), nullptr, broadcast.stride[broadcast.rank - 1]};
    row.out = static_cast<E*>(ctx.forward_or_allocate(0, shape, {1, 2}).raw());
    ctx.parallel_for(shape.num_elements(), 0.1 + move_cost(ctx.node().output_dtypes[0]),
                     [&](int64_t begin, int64_t end) {
                       broadcast.for_rows(begin, end,
                                          [&](const int64_t* offset, int64_t at, int64_t n) {
                                            row.run(offset, at, n);
                                          });
                     });
  });
}

void compute_select_v2(KernelContext& ctx) {
  const Shape operands = broadcast_shapes(ctx.input(1).shape(), ctx.input(2).shape());
  const Shape condition = ctx.input(0).shape();
  select(ctx, condition, broadcast_shapes(condition, operands));
}

void compute_select(KernelContext& ctx) {
  const Shape shape = ctx.input(1).shape();
  Shape condition = ctx.input(0).shape();
  require(ctx.input(2).shape() == shape, "t and e must have the same shape, got ", shape, " and ",
          ctx.input(2).shape());
  if (condition.rank() == 1 && shape.rank() > 1 && condition[0] == shape[0]) {
    while (condition.rank() < shape.rank()) condition.push_back(1);
  }
  require(
      condition.rank() == 0 || condition == shape ||
          (condition.rank() == shape.rank() && ctx.input(0).rank() == 1 && shape.rank() > 1),
      "condition must be a scalar, a vector with an element for each row of t, or of t's shape ",
      shape, ", got ", condition);
  select(ctx, condition, shape);
}

}  // namespace

void register_select(KernelRegistry& r) {
  r.add("Select", kCpu, {{"T", kAnyType}}, function<compute_select>);
  r.add("SelectV2", kCpu, {{"T", kAnyType}}, function<compute_select_v2>);
}

}  // namespace penstock
