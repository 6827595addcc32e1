// A bias for each channel, and its gradient: BiasAdd, BiasAddV1, BiasAddGrad.
//
// With channels last the bias is repeated until it is long enough for the vector loop to pay;
// with channels first each channel is a run of elements with one addend.
#include <algorithm>
#include <cstring>

#include "cpu/channels_first.h"
#include "cpu/reduce.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"
#include "cpu/widened.h"

namespace penstock {
namespace {

struct Add {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(x + y);
  }
};

ZipLoops add_loops(DType t) {
  const ZipByType& fast = vector_table().binary.add;
  if (t == DType::kFloat32) return fast.f32;
  if (t == DType::kFloat64) return fast.f64;
  if (t == DType::kComplex64) return zip_loops<Add, complex64>();
  if (t == DType::kComplex128) return zip_loops<Add, complex128>();
  // Integers wrap around, so the sign does not matter.
  if (dtype_size(t) == 1) return zip_loops<Add, uint8_t>();
  if (dtype_size(t) == 2) return zip_loops<Add, uint16_t>();
  return dtype_size(t) == 4 ? fast.i32 : fast.i64;
}

int channel_axis(const Tensor& x, bool channels_first) {
  require(x.rank() >= 2, "the input must have at least 2 dimensions, got shape ", x.shape());
  return channels_first ? 1 : x.rank() - 1;
}

class BiasAdd final : public Kernel {
 public:
  explicit BiasAdd(const NodeInfo& node)
      : loops_(add_loops(node.output_dtypes[0])), channels_first_(is_channels_first(node)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const Tensor& bias = ctx.input(1);
    const int axis = channel_axis(x, channels_first_);
    require(bias.rank() == 1 && bias.dim(0) == x.dim(axis), "the bias must be a vector of length ",
            x.dim(axis), ", the input's channels, got shape ", bias.shape());
    const Shape shape = x.shape();
    const char* from = static_cast<const char*>(x.raw());
    char* to = static_cast<char*>(ctx.forward_or_allocate(0, shape, {0}).raw());
    if (shape.num_elements() == 0) return;
    const int64_t size = static_cast<int64_t>(dtype_size(bias.dtype()));
    const int64_t channels = shape[axis], inner = shape.product(axis + 1, shape.rank());
    const int64_t rows = shape.product(0, axis);
    const char* addend = static_cast<const char*>(bias.raw());
    if (inner == 1) return add_rows(ctx, from, addend, to, rows, channels, size);
    const double cost = 5.0 + 0.3 * static_cast<double>(inner);
    ctx.parallel_for(rows * channels, cost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * inner * size;
        loops_.x_only(from + at, addend + i % channels * size, to + at, inner);
      }
    });
  }

 private:
  static constexpr int64_t kTileBytes = 2048;

  // `rows` rows of `channels` elements; the bias is tiled where it is short.
  void add_rows(const KernelContext& ctx, const char* x, const char* bias, char* y, int64_t rows,
                int64_t channels, int64_t size) const {
    const int64_t row_bytes = channels * size;
    const int64_t repeats = std::min(rows, std::max<int64_t>(1, kTileBytes / row_bytes));
    alignas(64) char tile[kTileBytes];
    if (repeats > 1) {
      for (int64_t i = 0; i < repeats; ++i) {
        std::memcpy(tile + i * row_bytes, bias, static_cast<size_t>(row_bytes));
      }
      bias = tile;
    }
    const int64_t blocks = (rows + repeats - 1) / repeats;
    const double cost = 0.3 * static_cast<double>(channels * repeats);
    ctx.parallel_for(blocks, cost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i * repeats, count = std::min(repeats, rows - first);
        loops_.both(x + first * row_bytes, bias, y + first * row_bytes, count * channels);
      }
    });
  }

  const ZipLoops loops_;
  const bool channels_first_;
};

// A sum over every dimension but the channels.
class BiasAddGrad final : public Kernel {
 public:
  explicit BiasAddGrad(const NodeInfo& node)
      : folding_(folding_of(FoldKind::kSum, node.output_dtypes[0])),
        channels_first_(is_channels_first(node)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& dy = ctx.input(0);
    const int axis = channel_axis(dy, channels_first_);
    ReducedAxes axes;
    axes.mask = ((1u << dy.rank()) - 1u) & ~(1u << axis);
    axes.result = Shape{dy.dim(axis)};
    axes.count = axes.result[0] == 0 ? 0 : dy.num_elements() / axes.result[0];
    ctx.set_output(0, reduce(ctx, folding_, dy, axes));
  }

 private:
  const Folding folding_;
  const bool channels_first_;
};

}  // namespace

void register_bias(KernelRegistry& r) {
  for (const char* op : {"BiasAdd", "BiasAddV1"}) {
    r.add(op, kCpu, {{"T", kNumber - kHalf2}}, make<BiasAdd>);
    r.add(op, kCpu, {{"T", kHalf2}}, widened<make<BiasAdd>>);
  }
  r.add("BiasAddGrad", kCpu, {{"T", kNumber - kHalf2}}, make<BiasAddGrad>);
  r.add("BiasAddGrad", kCpu, {{"T", kHalf2}}, widened<make<BiasAddGrad>>);
}

}  // namespace penstock
