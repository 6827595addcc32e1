// Tensors made larger: repeated (Tile), surrounded by a constant (Pad, PadV2) or by their own
// mirror image (MirrorPad), and the way back of the last (MirrorPadGrad).
#include <string>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

void compute_tile(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& multiples = ctx.input(1);
  require(multiples.rank() == 1 && multiples.dim(0) == x.rank(),
          "multiples must be a vector of length ", x.rank(), ", the rank of the input, got shape ",
          multiples.shape());
  int64_t dims[kMaxRank];
  bool same = true;
  for (int d = 0; d < x.rank(); ++d) {
    const int64_t m = int_at(multiples, d);
    require(m >= 0, "multiples[", d, "] is ", m, ", expected >= 0");
    same &= m == 1;
    require(!__builtin_mul_overflow(m, x.dim(d), &dims[d]), "multiples[", d, "] = ", m,
            " times the size ", x.dim(d), " is beyond int64");
  }
  if (same) return ctx.set_output(0, x);
  const Shape shape = Shape::checked(dims, x.rank());
  Tensor& out = ctx.allocate_output(0, shape);
  int64_t from[kMaxRank], to[kMaxRank];
  dense_strides(x.shape(), from);
  dense_strides(shape, to);
  StridedCopy copy;
  for (int d = 0; d < x.rank(); ++d) {
    copy.add(int_at(multiples, d), x.dim(d) * to[d], 0);
    copy.add(x.dim(d), to[d], from[d]);
  }
  if (out.num_elements() > 0) copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
}

// How many elements come before and after along each dimension.
struct Paddings {
  int64_t before[kMaxRank], after[kMaxRank];

  Paddings(const Tensor& t, int rank) {
    require(t.rank() == 2 && t.dim(0) == rank && t.dim(1) == 2, "paddings must have shape [", rank,
            ", 2] for an input of rank ", rank, ", got ", t.shape());
    for (int d = 0; d < rank; ++d) {
      before[d] = int_at(t, 2 * d);
      after[d] = int_at(t, 2 * d + 1);
      require(before[d] >= 0 && after[d] >= 0 && before[d] < kLimit && after[d] < kLimit,
              "paddings of dimension ", d, " are [", before[d], ", ", after[d],
              "]: expected sizes >= 0 that fit in memory");
    }
  }
  Shape padded(const Shape& shape) const {
    int64_t dims[kMaxRank];
    for (int d = 0; d < shape.rank(); ++d) dims[d] = before[d] + shape[d] + after[d];
    return Shape::checked(dims, shape.rank());
  }

 private:
  static constexpr int64_t kLimit = int64_t{1} << 60;
};

// Writes the padded tensor once: border and inside in the order of memory.
template <class E>
class Padder {
 public:
  Padder(const Shape& shape, const Paddings& pad, E value) : pad_(pad), value_(value) {
    int last = shape.rank() - 1;
    while (last >= 0 && pad.before[last] == 0 && pad.after[last] == 0) --last;
    rank_ = last + 1;
    for (int d = 0; d < rank_; ++d) size_[d] = shape[d];
    int64_t in = shape.product(rank_, shape.rank()), out = in;
    for (int d = last; d >= 0; --d) {
      in_[d] = in;
      out_[d] = out;
      in *= size_[d];
      out *= pad.before[d] + size_[d] + pad.after[d];
    }
  }

  // The first `lead` dimensions have no padding: each of their elements is a unit of work.
  void run(const KernelContext& ctx, E* to, const E* from, double cost) const {
    int lead = 0;
    int64_t units = 1;
    while (lead < rank_ - 1 && pad_.before[lead] == 0 && pad_.after[lead] == 0) {
      units *= size_[lead++];
    }
    const int64_t in = in_[lead] * size_[lead];
    const int64_t out = out_[lead] * (pad_.before[lead] + size_[lead] + pad_.after[lead]);
    ctx.parallel_for(units, cost * static_cast<double>(out), [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) fill(lead, to + u * out, from + u * in);
    });
  }

 private:
  void fill(int d, E* to, const E* from) const {
    to = std::fill_n(to, pad_.before[d] * out_[d], value_);
    if (d == rank_ - 1) {
      to = std::copy_n(from, size_[d] * in_[d], to);
    } else {
      for (int64_t i = 0; i < size_[d]; ++i) fill(d + 1, to + i * out_[d], from + i * in_[d]);
      to += size_[d] * out_[d];
    }
    std::fill_n(to, pad_.after[d] * out_[d], value_);
  }

  const Paddings& pad_;
  E value_;
  int rank_;
  int64_t size_[kMaxRank], in_[kMaxRank], out_[kMaxRank];
};

void compute_pad(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Paddings pad(ctx.input(1), x.rank());
  const Shape shape = pad.padded(x.shape());
  const bool given = ctx.num_inputs() == 3;
  require(!given || ctx.input(2).is_scalar(), "constant_values must be a scalar, got shape ",
          given ? ctx.input(2).shape() : Shape());
  if (shape == x.shape()) return ctx.set_output(0, x);
  Tensor& out = ctx.allocate_output(0, shape);
  visit_element(x.dtype(), [&](auto zero) {
    using E = decltype(zero);
    const E value = given ? ctx.input(2).scalar<E>() : E();
    Padder<E>(x.shape(), pad, value)
        .run(ctx, out.mutable_data<E>(), x.data<E>(), move_cost(x.dtype()));
  });
}

// For one dimension, the offset in the small tensor that each index of the large one shows.
using MirrorTable = std::vector<int64_t>;

MirrorTable mirror_table(int64_t before, int64_t size, int64_t after, int64_t stride,
                         bool symmetric) {
  MirrorTable table(static_cast<size_t>(before + size + after));
  const int64_t edge = symmetric ? 1 : 0;  // whether the border element itself is repeated
  for (int64_t i = -before; i < size + after; ++i) {
    int64_t k = i < 0 ? -i - edge : i;
    if (k >= size) k = 2 * size - 2 + edge - k;
    table[static_cast<size_t>(i + before)] = k * stride;
  }
  return table;
}

struct Mirror {
  std::vector<MirrorTable> tables;
  int64_t stride[kMaxRank];  // of the large tensor
  int rank;

  Mirror(const Paddings& pad, const Shape& small, const Shape& large, bool symmetric)
      : rank(small.rank()) {
    int64_t from[kMaxRank];
    dense_strides(small, from);
    dense_strides(large, stride);
    for (int d = 0; d < rank; ++d) {
      const int64_t most = symmetric ? small[d] : small[d] - 1;
      require(pad.before[d] <= most && pad.after[d] <= most, "paddings of dimension ", d, " are [",
              pad.before[d], ", ", pad.after[d], "], but mirroring a size of ", small[d],
              " allows at most ", most);
      tables.push_back(mirror_table(pad.before[d], small[d], pad.after[d], from[d], symmetric));
    }
  }

  // Calls visit(large, small, table of the last dimension) for each of its rows.
  template <class L, class S, class Visit>
  void rows(int d, L* large, S* small, const Visit& visit) const {
    const MirrorTable& table = tables[static_cast<size_t>(d)];
    if (d == rank - 1) return visit(large, small, table);
    for (size_t i = 0; i < table.size(); ++i) {
      rows(d + 1, large + static_cast<int64_t>(i) * stride[d], small + table[i], visit);
    }
  }
};

class MirrorPad final : public Kernel {
 public:
  explicit MirrorPad(const NodeInfo& node)
      : symmetric_(node.attrs.get<std::string>("mode") == "SYMMETRIC") {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    if (x.is_scalar()) return ctx.set_output(0, x);
    const Paddings pad(ctx.input(1), x.rank());
    const Shape shape = pad.padded(x.shape());
    const Mirror mirror(pad, x.shape(), shape, symmetric_);
    Tensor& out = ctx.allocate_output(0, shape);
    if (out.num_elements() == 0) return;
    visit_element(x.dtype(), [&](auto zero) {
      using E = decltype(zero);
      mirror.rows(0, out.mutable_data<E>(), x.data<E>(),
                  [](E* large, const E* small, const MirrorTable& table) {
                    for (size_t i = 0; i < table.size(); ++i) large[i] = small[table[i]];
                  });
    });
  }

 private:
  bool symmetric_;
};

DType unsigned_twin(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return DType::kUInt8;
    case DType::kInt16:
      return DType::kUInt16;
    case DType::kInt32:
      return DType::kUInt32;
    case DType::kInt64:
      return DType::kUInt64;
    default:
      return dtype;
  }
}

class MirrorPadGrad final : public Kernel {
 public:
  explicit MirrorPadGrad(const NodeInfo& node)
      : symmetric_(node.attrs.get<std::string>("mode") == "SYMMETRIC") {}

  void compute(KernelContext& ctx) override {
    const Tensor& dy = ctx.input(0);
    if (dy.is_scalar()) return ctx.set_output(0, dy);
    const Paddings pad(ctx.input(1), dy.rank());
    Shape shape = dy.shape();
    for (int d = 0; d < dy.rank(); ++d) {
      shape.set(d, dy.dim(d) - pad.before[d] - pad.after[d]);
      require(shape[d] >= 0, "paddings of dimension ", d, " are larger than the size ", dy.dim(d));
    }
    const Mirror mirror(pad, shape, dy.shape(), symmetric_);
    Tensor& out = ctx.allocate_output(0, shape);
    clear_elements(ctx, dy.dtype(), out.raw(), out.num_elements());
    if (dy.num_elements() == 0) return;
    // Integers wrap around, so that those of one size are added alike.
    visit_dtype<float, double, uint8_t, uint16_t, uint32_t, uint64_t, float16, bfloat16, complex64,
                complex128>(unsigned_twin(dy.dtype()), [&](auto zero) {
      using T = decltype(zero);
      mirror.rows(0, static_cast<const T*>(dy.raw()), static_cast<T*>(out.raw()),
                  [](const T* large, T* small, const MirrorTable& table) {
                    for (size_t i = 0; i < table.size(); ++i) {
                      small[table[i]] = T(small[table[i]] + large[i]);
                    }
                  });
    });
  }

 private:
  bool symmetric_;
};

}  // namespace

void register_padding(KernelRegistry& r) {
  r.add("Tile", kCpu, {}, function<compute_tile>);
  r.add("Pad", kCpu, {}, function<compute_pad>);
  r.add("PadV2", kCpu, {}, function<compute_pad>);
  r.add("MirrorPad", kCpu, {}, make<MirrorPad>);
  r.add("MirrorPadGrad", kCpu, {{"T", kNumber}}, make<MirrorPadGrad>);
}

}  // namespace penstock
