// Reductions in steps; see the header.
#include "cpu/reduce.h"

#include <algorithm>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"

namespace penstock {
namespace {

constexpr int64_t kBlock = 1 << 14;    // elements in a block of a long fold
constexpr int64_t kColumns = 1 << 10;  // columns folded together: their sums stay in the cache
constexpr int64_t kFewColumns = 64;    // fewer columns are taken several rows at a time

int64_t ceil_div(int64_t x, int64_t y) { return (x + y - 1) / y; }

// One fold of [outer, n, inner] over n, from `x` to `out` of [outer, inner].
class Step {
 public:
  Step(const KernelContext& ctx, const Folding& folding, bool first, DType from)
      : ctx_(ctx),
        folding_(folding),
        fold_(first ? folding.elements : folding.partials),
        from_(from),
        to_(folding.accumulator) {}

  void run(const void* x, int64_t outer, int64_t n, int64_t inner, void* out) const {
    if (inner == 1) {
      rows(x, outer, n, out);
    } else if (inner < kFewColumns && n >= 4 * (kFewColumns / inner)) {
      few_columns(x, outer, n, inner, out);
    } else {
      columns(x, outer, n, inner, n * inner, out);
    }
  }

 private:
  Step next() const { return Step(ctx_, folding_, false, to_); }
  double cost(int64_t n) const {
    return 3.0 + static_cast<double>(n) * (from_ == to_ ? move_cost(from_) : 1.0);
  }
  Tensor temp(int64_t n) const { return ctx_.allocate_temp(to_, {n}); }

  void rows(const void* x, int64_t outer, int64_t n, void* out) const {
    const int64_t blocks = ceil_div(n, kBlock);
    if (blocks <= 1) {
      ctx_.parallel_for(outer, cost(n), [&](int64_t begin, int64_t end) {
        fold_.rows(element_at(x, from_, begin * n), end - begin, n, element_at(out, to_, begin));
      });
      return;
    }
    Tensor partial = temp(outer * blocks);
    ctx_.parallel_for(outer * blocks, cost(kBlock), [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t start = unit % blocks * kBlock;
        fold_.rows(element_at(x, from_, unit / blocks * n + start), 1, std::min(kBlock, n - start),
                   element_at(partial.raw(), to_, unit));
      }
    });
    next().rows(partial.raw(), outer, blocks, out);
  }

  // Takes as many rows as fit in kFewColumns for one long row, then folds the copies.
  void few_columns(const void* x, int64_t outer, int64_t n, int64_t inner, void* out) const {
    const int64_t together = kFewColumns / inner, wide = together * inner;
    Tensor sums = temp(outer * wide);
    columns(x, outer, n / together, wide, n * inner, sums.raw());
    next().columns(sums.raw(), outer, together, inner, wide, out);
    const int64_t done = n / together * together;
    for (int64_t o = 0; o < outer && done < n; ++o) {
      fold_.columns(element_at(x, from_, (o * n + done) * inner), n - done, inner, inner,
                    element_at(out, to_, o * inner));
    }
  }

  // `outer_stride`: how far apart, in elements, the [n, inner] planes of x are.
  void columns(const void* x, int64_t outer, int64_t n, int64_t inner, int64_t outer_stride,
               void* out) const {
    const int64_t width = std::min(inner, kColumns), across = ceil_div(inner, width);
    const int64_t height = std::max<int64_t>(kBlock / width, 128), down = ceil_div(n, height);
    Tensor partial;
    if (down > 1) partial = temp(outer * down * inner);
    void* to = down > 1 ? partial.raw() : out;
    const double unit_cost = cost(std::min(n, height) * width);
    ctx_.parallel_for(outer * down * across, unit_cost, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t column = unit % across * width, block = unit / across;
        const int64_t o = block / down, row = block % down * height;
        const int64_t take = std::min(width, inner - column);
        void* acc = element_at(to, to_, block * inner + column);
        start(acc, take);
        fold_.columns(element_at(x, from_, o * outer_stride + row * inner + column),
                      std::min(height, n - row), take, inner, acc);
      }
    });
    if (down > 1) next().columns(partial.raw(), outer, down, inner, down * inner, out);
  }

  void start(void* acc, int64_t n) const {
    visit_element(to_, [&](auto zero) {
      using E = decltype(zero);
      std::fill_n(static_cast<E*>(acc), n, *reinterpret_cast<const E*>(folding_.identity));
    });
  }

  const KernelContext& ctx_;
  const Folding& folding_;
  Fold fold_;
  DType from_, to_;
};

// A run of neighbouring axes that are all kept or all reduced.
struct Group {
  int64_t size;
  bool reduced;
};

std::vector<Group> merge_axes(const Shape& shape, uint32_t mask) {
  std::vector<Group> groups;
  for (int d = 0; d < shape.rank(); ++d) {
    const bool reduced = ((mask >> d) & 1u) != 0;
    if (shape[d] == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced) {
      groups.back().size *= shape[d];
    } else {
      groups.push_back({shape[d], reduced});
    }
  }
  return groups;
}

int64_t product(const std::vector<Group>& groups, size_t first, size_t last) {
  int64_t n = 1;
  for (size_t g = first; g < last; ++g) n *= groups[g].size;
  return n;
}

Tensor all_identity(const KernelContext& ctx, const Folding& folding, const Shape& shape) {
  Tensor out = ctx.allocate_temp(folding.accumulator, shape);
  fill_elements(ctx, folding.accumulator, out.raw(), folding.identity, out.num_elements());
  return out;
}

}  // namespace

ReducedAxes read_reduced_axes(const Shape& shape, const Tensor& axes, bool keep_dims) {
  require(axes.rank() <= 1, "the axes to reduce must be a scalar or a vector, got shape ",
          axes.shape());
  ReducedAxes r;
  for (int64_t i = 0, n = axes.num_elements(); i < n; ++i) {
    const int axis = checked_axis(int_at(axes, i), shape.rank(), "reduction axis");
    require(((r.mask >> axis) & 1u) == 0, "axis ", axis, " is named twice among those to reduce");
    r.mask |= 1u << axis;
  }
  for (int d = 0; d < shape.rank(); ++d) {
    const bool reduced = ((r.mask >> d) & 1u) != 0;
    if (reduced) r.count *= shape[d];
    if (!reduced || keep_dims) r.result.push_back(reduced ? 1 : shape[d]);
  }
  return r;
}

Tensor reduce(const KernelContext& ctx, const Folding& folding, const Tensor& x,
              const ReducedAxes& axes) {
  if (x.num_elements() == 0) return all_identity(ctx, folding, axes.result);
  std::vector<Group> groups = merge_axes(x.shape(), axes.mask);
  const bool none = std::none_of(groups.begin(), groups.end(), [](Group g) { return g.reduced; });
  if (none) {
    const bool same =
        folding.accumulator == x.dtype() && folding.elements.rows == folding.partials.rows;
    if (same) return x.reshaped(axes.result);
    groups.push_back({1, true});
  }
  Tensor value = x;
  for (bool first = true;; first = false) {
    size_t g = groups.size();
    while (g > 0 && !groups[g - 1].reduced) --g;
    if (g == 0) return value.reshaped(axes.result);
    --g;
    const int64_t outer = product(groups, 0, g), inner = product(groups, g + 1, groups.size());
    Tensor next = ctx.allocate_temp(folding.accumulator, {outer * inner});
    Step(ctx, folding, first, value.dtype())
        .run(value.raw(), outer, groups[g].size, inner, next.raw());
    value = std::move(next);
    groups.erase(groups.begin() + static_cast<int64_t>(g));
  }
}

}  // namespace penstock
