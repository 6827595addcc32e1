// Parts of a tensor by begin, end and stride along each dimension, and the gradient that puts
// a part back into zeros. A part that is contiguous in memory is a view of the input.
#include <algorithm>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/strided.h"
#include "cpu/variables.h"

namespace penstock {
namespace {

// What is taken of each dimension of a tensor, and the shape that the result gets.
struct Part {
  int64_t begin[kMaxRank], step[kMaxRank], count[kMaxRank];
  Shape result;

  Shape taken(int rank) const { return Shape(count, rank); }

  // Whether the part is one run of elements of a tensor of this shape.
  bool is_contiguous(const Shape& shape) const {
    int d = 0;
    while (d < shape.rank() && count[d] == 1) ++d;
    if (d < shape.rank() && step[d] != 1) return false;
    for (++d; d < shape.rank(); ++d) {
      if (count[d] != shape[d] || (step[d] != 1 && count[d] > 1)) return false;
    }
    return true;
  }

  // Describes the copy of the part (strides of the whole tensor) to or from dense memory;
  // returns where the part starts.
  int64_t describe(const Shape& whole, StridedCopy& copy, bool part_is_source) const {
    int64_t dense[kMaxRank], strides[kMaxRank], start = 0;
    dense_strides(taken(whole.rank()), dense);
    dense_strides(whole, strides);
    for (int d = 0; d < whole.rank(); ++d) {
      const int64_t stride = strides[d] * step[d];
      copy.add(count[d], part_is_source ? dense[d] : stride, part_is_source ? stride : dense[d]);
      start += begin[d] * strides[d];
    }
    return start;
  }
};

void take(KernelContext& ctx, const Tensor& x, const Part& part) {
  const DType dtype = x.dtype();
  if (part.result.num_elements() == 0) {
    ctx.allocate_output(0, part.result);
    return;
  }
  StridedCopy copy;
  const int64_t start = part.describe(x.shape(), copy, true);
  const void* from = element_at(x.raw(), dtype, start);
  if (part.is_contiguous(x.shape())) {
    ctx.set_output(0, Tensor(dtype, part.result, x.buffer(), const_cast<void*>(from)));
    return;
  }
  Tensor& out = ctx.allocate_output(0, part.result);
  copy_strided(ctx, dtype, out.raw(), from, copy);
}

void compute_slice(KernelContext& ctx) {
  const Tensor x = ctx.input(0);
  const Tensor &begin = ctx.input(1), &size = ctx.input(2);
  require(begin.rank() == 1 && begin.dim(0) == x.rank() && size.shape() == begin.shape(),
          "begin and size must be vectors of length ", x.rank(), ", the rank of the input, got ",
          begin.shape(), " and ", size.shape());
  Part part;
  for (int d = 0; d < x.rank(); ++d) {
    const int64_t b = int_at(begin, d), s = int_at(size, d);
    require(b >= 0 && b <= x.dim(d), "begin[", d, "] = ", b, " is not in [0, ", x.dim(d), "]");
    require(s >= -1 && s <= x.dim(d) - b, "size[", d, "] = ", s, " is not in [0, ", x.dim(d) - b,
            "] (the dimension has size ", x.dim(d), ", begin is ", b, ")");
    part.begin[d] = b;
    part.step[d] = 1;
    part.count[d] = s == -1 ? x.dim(d) - b : s;
    part.result.push_back(part.count[d]);
  }
  take(ctx, x, part);
}

struct Masks {
  int64_t begin, end, ellipsis, new_axis, shrink_axis;

  explicit Masks(const NodeInfo& node)
      : begin(node.attrs.get_or<int64_t>("begin_mask", 0)),
        end(node.attrs.get_or<int64_t>("end_mask", 0)),
        ellipsis(node.attrs.get_or<int64_t>("ellipsis_mask", 0)),
        new_axis(node.attrs.get_or<int64_t>("new_axis_mask", 0)),
        shrink_axis(node.attrs.get_or<int64_t>("shrink_axis_mask", 0)) {
    const auto bits = static_cast<uint64_t>(ellipsis);
    require((bits & (bits - 1)) == 0, "only one ellipsis (...) is allowed in an index");
  }
};

bool has_bit(int64_t mask, int64_t bit) { return bit < 63 && ((mask >> bit) & 1) != 0; }

// Reads the index items one after the other and says what they take of a shape.
class IndexReader {
 public:
  IndexReader(const Masks& masks, const Shape& shape, const Tensor& begin, const Tensor& end,
              const Tensor& strides)
      : masks_(masks), shape_(shape), begin_(begin), end_(end), strides_(strides) {
    require(begin.rank() == 1 && end.shape() == begin.shape() && strides.shape() == begin.shape(),
            "begin, end and strides must be vectors of one length, got shapes ", begin.shape(),
            ", ", end.shape(), " and ", strides.shape());
  }

  Part read() {
    const int64_t items = begin_.dim(0);
    for (int64_t i = 0; i < items; ++i) {
      if (has_bit(masks_.ellipsis, i)) {
        int64_t after = items - i - 1;
        for (int64_t k = i + 1; k < items; ++k) after -= has_bit(masks_.new_axis, k) ? 1 : 0;
        take_whole(shape_.rank() - after);
      } else if (has_bit(masks_.new_axis, i)) {
        part_.result.push_back(1);
      } else {
        require(dim_ < shape_.rank(), "the index has more items than the ", shape_.rank(),
                " dimensions of shape ", shape_);
        has_bit(masks_.shrink_axis, i) ? take_one(i) : take_range(i);
      }
    }
    take_whole(shape_.rank());
    return part_;
  }

 private:
  void set(int64_t begin, int64_t step, int64_t count) {
    part_.begin[dim_] = begin;
    part_.step[dim_] = step;
    part_.count[dim_] = count;
    ++dim_;
  }

  void take_whole(int64_t stop) {
    while (dim_ < stop) {
      part_.result.push_back(shape_[dim_]);
      set(0, 1, shape_[dim_]);
    }
  }

  void take_one(int64_t i) {
    const int64_t index = int_at(begin_, i), size = shape_[dim_];
    require(int_at(strides_, i) > 0, "strides[", i,
            "] must be positive where one element is taken");
    require(index >= -size && index < size, "index ", index, " of dimension ", dim_,
            " is out of range for size ", size, " (shape ", shape_, ")");
    set(index < 0 ? index + size : index, 1, 1);
  }

  void take_range(int64_t i) {
    const int64_t step = int_at(strides_, i), size = shape_[dim_];
    require(step != 0, "strides[", i, "] must not be 0");
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const auto bound = [&](const Tensor& t, int64_t mask, int64_t open) {
      if (has_bit(mask, i)) return open;
      const int64_t v = int_at(t, i);
      return std::clamp(v < 0 ? v + size : v, low, high);
    };
    const int64_t first = bound(begin_, masks_.begin, step > 0 ? low : high);
    const int64_t last = bound(end_, masks_.end, step > 0 ? high : low);
    const int64_t span = step > 0 ? last - first : first - last;
    // Unsigned: the most negative stride has no positive counterpart.
    const uint64_t stride =
        step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
    const int64_t count =
        span <= 0 ? 0 : static_cast<int64_t>((static_cast<uint64_t>(span) - 1) / stride + 1);
    part_.result.push_back(count);
    set(first, count > 1 ? step : 1, count);
  }

  const Masks& masks_;
  const Shape& shape_;
  const Tensor &begin_, &end_, &strides_;
  Part part_;
  int dim_ = 0;
};

class StridedSlice final : public Kernel {
 public:
  explicit StridedSlice(const NodeInfo& node) : masks_(node) {}
  void compute(KernelContext& ctx) override {
    const Tensor x = ctx.input(0);
    take(ctx, x, IndexReader(masks_, x.shape(), ctx.input(1), ctx.input(2), ctx.input(3)).read());
  }

 private:
  Masks masks_;
};

class StridedSliceGrad final : public Kernel {
 public:
  explicit StridedSliceGrad(const NodeInfo& node) : masks_(node) {}
  void compute(KernelContext& ctx) override {
    const Shape shape = shape_from(ctx.input(0));
    const Part part = IndexReader(masks_, shape, ctx.input(1), ctx.input(2), ctx.input(3)).read();
    const Tensor& dy = ctx.input(4);
    require(dy.shape() == part.result, "the gradient has shape ", dy.shape(),
            ", the slice that it belongs to has ", part.result);
    Tensor& out = ctx.allocate_output(0, shape);
    clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
    if (dy.num_elements() == 0) return;
    StridedCopy copy;
    const int64_t start = part.describe(shape, copy, false);
    copy_strided(ctx, dy.dtype(), element_at(out.raw(), dy.dtype(), start), dy.raw(), copy);
  }

 private:
  Masks masks_;
};

// Writes a value into a part of a variable.
class ResourceStridedSliceAssign final : public Kernel {
 public:
  explicit ResourceStridedSliceAssign(const NodeInfo& node) : masks_(node) {}
  void compute(KernelContext& ctx) override {
    const Tensor& value = ctx.input(4);
    const DType dtype = value.dtype();
    LockedVariables variable(ctx, 1, dtype);
    Tensor& target = variable.value(0);
    const Part part =
        IndexReader(masks_, target.shape(), ctx.input(1), ctx.input(2), ctx.input(3)).read();
    require(value.shape() == part.result, "the value has shape ", value.shape(),
            ", the slice of the variable has ", part.result);
    if (value.num_elements() == 0) return;
    StridedCopy copy;
    const int64_t start = part.describe(target.shape(), copy, false);
    copy_strided(ctx, dtype, element_at(target.raw(), dtype, start), value.raw(), copy);
  }

 private:
  Masks masks_;
};

}  // namespace

void register_slicing(KernelRegistry& r) {
  r.add("Slice", kCpu, {}, function<compute_slice>);
  r.add("StridedSlice", kCpu, {}, make<StridedSlice>);
  r.add("StridedSliceGrad", kCpu, {}, make<StridedSliceGrad>);
  r.add("ResourceStridedSliceAssign", kCpu, {}, make<ResourceStridedSliceAssign>);
}

}  // namespace penstock
