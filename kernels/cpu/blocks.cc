// Blocks of space that move into the batch dimension or into the channels, and back.
//
// Everything is a copy between strided views. For the batch, each position inside of a block
// is a stride of its own: position `at` of block number `i` along a dimension is element
// i * block + at - shift of the space, where `shift` is what is padded or cropped in front.
#include <string>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register_structure.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

constexpr int64_t kLimit = int64_t{1} << 40;  // of block sizes and paddings; sums stay in range

int64_t product_of(int64_t x, int64_t y) {
  int64_t result;
  require(!__builtin_mul_overflow(x, y, &result), "the result would have ", x, " times ", y,
          " rows, beyond int64");
  return result;
}

// Block sizes, and what is added to (or cut from) both ends of each spatial dimension.
struct Blocks {
  int rank = 0;
  int64_t size[kMaxRank], before[kMaxRank], after[kMaxRank];
  int64_t positions = 1;  // inside of one block

  // `block` is the same for two dimensions (the older ops), or comes as a vector.
  Blocks(int64_t block, const Tensor& margins, const char* what) : rank(2) {
    size[0] = size[1] = block;
    read(margins, what);
  }
  Blocks(const Tensor& block_shape, const Tensor& margins, const char* what) {
    require(block_shape.rank() == 1, "block_shape must be a vector, got shape ",
            block_shape.shape());
    require(block_shape.dim(0) < kMaxRank, "block_shape has ", block_shape.dim(0),
            " elements; at most ", kMaxRank - 1, " are supported");
    rank = static_cast<int>(block_shape.dim(0));
    for (int d = 0; d < rank; ++d) size[d] = int_at(block_shape, d);
    read(margins, what);
  }

  void require_rank(const Tensor& x) const {
    require(x.rank() > rank, "the input must have rank ", rank + 1,
            " at least (batch and spatial dimensions), got shape ", x.shape());
  }

 private:
  void read(const Tensor& margins, const char* what) {
    require(margins.shape() == Shape({rank, 2}), what, " must have shape [", rank, ", 2], got ",
            margins.shape());
    for (int d = 0; d < rank; ++d) {
      require(size[d] >= 1 && size[d] < kLimit, "the block size of dimension ", d, " is ", size[d],
              ", expected >= 1");
      positions = product_of(positions, size[d]);
      before[d] = int_at(margins, 2 * d);
      after[d] = int_at(margins, 2 * d + 1);
      require(before[d] >= 0 && after[d] >= 0 && before[d] < kLimit && after[d] < kLimit, what,
              " of dimension ", d, " are [", before[d], ", ", after[d], "], expected sizes >= 0");
    }
  }
};

// Copies between a tensor with space and the one with blocks in the batch.
class BlockMover {
 public:
  BlockMover(const Blocks& blocks, const Shape& space, const Shape& batched)
      : b_(blocks), space_(space), batched_(batched) {
    dense_strides(space, space_stride_);
    dense_strides(batched, batched_stride_);
  }

  // `to_batch`: from the space into the batch; otherwise the other way.
  void run(const KernelContext& ctx, DType dtype, void* out, const void* in, bool to_batch) const {
    for (int64_t position = 0; position < b_.positions; ++position) {
      StridedCopy copy;
      int64_t space = 0, batched = position * space_[0] * batched_stride_[0];
      if (!describe(position, copy, space, batched)) continue;
      if (!to_batch) std::swap(copy.dst, copy.src);
      const int64_t to = to_batch ? batched : space, from = to_batch ? space : batched;
      copy_strided(ctx, dtype, element_at(out, dtype, to), element_at(in, dtype, from), copy);
    }
  }

 private:
  // The copy of the elements at one position of every block; false where there are none.
  bool describe(int64_t position, StridedCopy& copy, int64_t& space, int64_t& batched) const {
    int64_t at[kMaxRank];
    for (int d = b_.rank - 1; d >= 0; --d) {
      at[d] = position % b_.size[d];
      position /= b_.size[d];
    }
    copy.add(space_[0], batched_stride_[0], space_stride_[0]);
    for (int d = 0; d < b_.rank; ++d) {
      const int64_t shift = at[d] - b_.before[d], block = b_.size[d];
      const int64_t first = shift >= 0 ? 0 : (-shift + block - 1) / block;
      const int64_t room = space_[d + 1] - shift;
      const int64_t last = std::min(batched_[d + 1], room <= 0 ? 0 : (room + block - 1) / block);
      if (first >= last) return false;
      copy.add(last - first, batched_stride_[d + 1], space_stride_[d + 1] * block);
      space += (first * block + shift) * space_stride_[d + 1];
      batched += first * batched_stride_[d + 1];
    }
    for (int d = b_.rank + 1; d < space_.rank(); ++d) {
      copy.add(space_[d], batched_stride_[d], space_stride_[d]);
    }
    return true;
  }

  const Blocks& b_;
  const Shape &space_, &batched_;
  int64_t space_stride_[kMaxRank], batched_stride_[kMaxRank];
};

void space_to_batch(KernelContext& ctx, const Blocks& b) {
  const Tensor& x = ctx.input(0);
  b.require_rank(x);
  Shape shape = x.shape();
  bool padded = false;
  shape.set(0, product_of(x.dim(0), b.positions));
  for (int d = 0; d < b.rank; ++d) {
    const int64_t whole = b.before[d] + x.dim(d + 1) + b.after[d];
    require(whole % b.size[d] == 0, "dimension ", d + 1, " has size ", whole,
            " with its paddings, which the block size ", b.size[d], " does not divide");
    shape.set(d + 1, whole / b.size[d]);
    padded |= b.before[d] + b.after[d] > 0;
  }
  Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
  if (padded) clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  if (out.num_elements() == 0 || x.num_elements() == 0) return;
  BlockMover(b, x.shape(), shape).run(ctx, x.dtype(), out.raw(), x.raw(), true);
}

void batch_to_space(KernelContext& ctx, const Blocks& b) {
  const Tensor& x = ctx.input(0);
  b.require_rank(x);
  require(x.dim(0) % b.positions == 0, "the batch size ", x.dim(0),
          " is not a multiple of the block's ", b.positions, " elements");
  Shape shape = x.shape();
  shape.set(0, x.dim(0) / b.positions);
  for (int d = 0; d < b.rank; ++d) {
    const int64_t whole = product_of(x.dim(d + 1), b.size[d]);
    const int64_t left = whole - b.before[d] - b.after[d];
    require(left >= 0, "crops of dimension ", d + 1, " are [", b.before[d], ", ", b.after[d],
            "], more than the size ", whole);
    shape.set(d + 1, left);
  }
  Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
  if (out.num_elements() == 0) return;
  BlockMover(b, shape, x.shape()).run(ctx, x.dtype(), out.raw(), x.raw(), false);
}

void compute_space_to_batch_nd(KernelContext& ctx) {
  space_to_batch(ctx, Blocks(ctx.input(1), ctx.input(2), "paddings"));
}
void compute_batch_to_space_nd(KernelContext& ctx) {
  batch_to_space(ctx, Blocks(ctx.input(1), ctx.input(2), "crops"));
}

int64_t block_size_of(const NodeInfo& node) {
  const auto size = node.attrs.get<int64_t>("block_size");
  require(size >= 2 && size < kLimit, "block_size is ", size, ", expected >= 2");
  return size;
}

// The older ops: images, one block size for height and width.
template <bool to_batch>
class ImageBatch final : public Kernel {
 public:
  explicit ImageBatch(const NodeInfo& node) : block_(block_size_of(node)) {}
  void compute(KernelContext& ctx) override {
    require(ctx.input(0).rank() == 4, "the input must have rank 4, got shape ",
            ctx.input(0).shape());
    if constexpr (to_batch) {
      space_to_batch(ctx, Blocks(block_, ctx.input(1), "paddings"));
    } else {
      batch_to_space(ctx, Blocks(block_, ctx.input(1), "crops"));
    }
  }

 private:
  int64_t block_;
};

// Channels count blocks first: channel (y * block + x) * left + c, whatever the layout.
template <bool to_space>
class Depth final : public Kernel {
 public:
  explicit Depth(const NodeInfo& node) : block_(block_size_of(node)) {
    const auto format = node.attrs.get_or<std::string>("data_format", "NHWC");
    rank_ = format == "NCHW_VECT_C" ? 5 : 4;  // the fifth: four channels side by side
    channels_ = format == "NHWC" ? 3 : 1;
    height_ = format == "NHWC" ? 1 : 2;
  }

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    require(x.rank() == rank_, "the input must have rank ", rank_, ", got shape ", x.shape());
    Shape shape = x.shape();
    const int64_t squared = product_of(block_, block_);
    if (to_space) {
      require(x.dim(channels_) % squared == 0, "the input has ", x.dim(channels_),
              " channels, not a multiple of the block's ", squared, " elements");
      shape.set(channels_, x.dim(channels_) / squared);
    } else {
      shape.set(channels_, product_of(x.dim(channels_), squared));
    }
    for (int d = height_; d < height_ + 2; ++d) {
      require(to_space || x.dim(d) % block_ == 0, "dimension ", d, " has size ", x.dim(d),
              ", which the block size ", block_, " does not divide");
      shape.set(d, to_space ? product_of(x.dim(d), block_) : x.dim(d) / block_);
    }
    Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
    if (out.num_elements() == 0) return;
    const Shape& deep = to_space ? x.shape() : shape;
    const Shape& wide = to_space ? shape : x.shape();
    StridedCopy copy = describe(deep, wide);
    if (!to_space) std::swap(copy.dst, copy.src);
    copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
  }

 private:
  // From the tensor with deep channels into the one with wide space.
  StridedCopy describe(const Shape& deep, const Shape& wide) const {
    int64_t from[kMaxRank], to[kMaxRank];
    dense_strides(deep, from);
    dense_strides(wide, to);
    const int64_t left = wide[channels_], channel = from[channels_];
    StridedCopy copy;
    copy.add(deep[0], to[0], from[0]);
    const auto channels = [&] { copy.add(left, to[channels_], channel); };
    if (channels_ == 1) channels();
    for (int k = 0; k < 2; ++k) {
      const int d = height_ + k;
      copy.add(deep[d], to[d] * block_, from[d]);
      copy.add(block_, to[d], channel * left * (k == 0 ? block_ : 1));
    }
    if (channels_ == 3) channels();
    if (rank_ == 5) copy.add(deep[4], to[4], from[4]);
    return copy;
  }

  int64_t block_;
  int rank_, channels_, height_;
};

}  // namespace

void register_blocks(KernelRegistry& r) {
  r.add("SpaceToBatchND", kCpu, {}, function<compute_space_to_batch_nd>);
  r.add("BatchToSpaceND", kCpu, {}, function<compute_batch_to_space_nd>);
  r.add("SpaceToBatch", kCpu, {}, make<ImageBatch<true>>);
  r.add("BatchToSpace", kCpu, {}, make<ImageBatch<false>>);
  r.add("DepthToSpace", kCpu, {}, make<Depth<true>>);
  r.add("SpaceToDepth", kCpu, {}, make<Depth<false>>);
}

}  // namespace penstock
