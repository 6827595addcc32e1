// Elements that change places along a dimension: rolled around its end, or reversed as far as
// each sequence of a batch reaches.
#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register_structure.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

// How far each dimension moves, in [0, size).
void read_shifts(const Shape& shape, const Tensor& shift, const Tensor& axis, int64_t* shifts) {
  require(shift.rank() <= 1 && shift.shape() == axis.shape(),
          "shift and axis must both be scalars or vectors of one length, got shapes ",
          shift.shape(), " and ", axis.shape());
  for (int d = 0; d < shape.rank(); ++d) shifts[d] = 0;
  for (int64_t i = 0; i < axis.num_elements(); ++i) {
    const int d = checked_axis(int_at(axis, i), shape.rank());
    if (shape[d] == 0) continue;
    const int64_t step = int_at(shift, i) % shape[d];
    shifts[d] = (shifts[d] + step + shape[d]) % shape[d];
  }
}

// Every rolled dimension falls into two pieces; each combination of pieces is one copy.
void compute_roll(KernelContext& ctx) {
  const Tensor x = ctx.input(0);
  require(x.rank() >= 1, "the input is a scalar: it has no dimension to roll");
  int64_t shifts[kMaxRank], stride[kMaxRank];
  read_shifts(x.shape(), ctx.input(1), ctx.input(2), shifts);
  dense_strides(x.shape(), stride);
  int rolled[kMaxRank], count = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if (shifts[d] != 0) rolled[count++] = d;
  }
  if (count == 0) return ctx.set_output(0, x);
  Tensor& out = ctx.allocate_output(0, x.shape());
  if (out.num_elements() == 0) return;
  for (int piece = 0; piece < 1 << count; ++piece) {
    int64_t size[kMaxRank], to = 0, from = 0;
    for (int d = 0; d < x.rank(); ++d) size[d] = x.dim(d);
    for (int k = 0; k < count; ++k) {
      const int d = rolled[k];
      const bool tail = ((piece >> k) & 1) != 0;  // what comes around to the front
      size[d] = tail ? shifts[d] : x.dim(d) - shifts[d];
      to += (tail ? 0 : shifts[d]) * stride[d];
      from += (tail ? x.dim(d) - shifts[d] : 0) * stride[d];
    }
    StridedCopy copy;
    for (int d = 0; d < x.rank(); ++d) copy.add(size[d], stride[d], stride[d]);
    copy_strided(ctx, x.dtype(), element_at(out.raw(), x.dtype(), to),
                 element_at(x.raw(), x.dtype(), from), copy);
  }
}

class ReverseSequence final : public Kernel {
 public:
  explicit ReverseSequence(const NodeInfo& node)
      : seq_(node.attrs.get<int64_t>("seq_dim")),
        batch_(node.attrs.get_or<int64_t>("batch_dim", 0)) {
    require(seq_ != batch_, "seq_dim and batch_dim are both ", seq_);
  }

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    const Tensor& lengths = ctx.input(1);
    require(seq_ >= 0 && seq_ < x.rank(), "seq_dim ", seq_, " is out of range for shape ",
            x.shape());
    require(batch_ >= 0 && batch_ < x.rank(), "batch_dim ", batch_, " is out of range for shape ",
            x.shape());
    const int seq = static_cast<int>(seq_), batch = static_cast<int>(batch_);
    require(lengths.rank() == 1 && lengths.dim(0) == x.dim(batch),
            "seq_lengths must be a vector of length ", x.dim(batch), ", the size of dimension ",
            batch, ", got shape ", lengths.shape());
    for (int64_t b = 0; b < lengths.dim(0); ++b) {
      const int64_t n = int_at(lengths, b);
      require(n >= 0 && n <= x.dim(seq), "seq_lengths[", b, "] = ", n, " is not in [0, ",
              x.dim(seq), "], the size of dimension ", seq);
    }
    Tensor& out = ctx.allocate_output(0, x.shape());
    if (out.num_elements() == 0) return;
    for (int64_t b = 0; b < lengths.dim(0); ++b) {
      const int64_t n = int_at(lengths, b);
      copy_part(ctx, x, out, {seq, batch, b}, 0, n, true);
      copy_part(ctx, x, out, {seq, batch, b}, n, x.dim(seq), false);
    }
  }

 private:
  struct Place {
    int seq, batch;
    int64_t number;  // of the sequence in the batch
  };

  // Elements [begin, end) of one sequence.
  static void copy_part(const KernelContext& ctx, const Tensor& x, Tensor& out, Place place,
                        int64_t begin, int64_t end, bool reversed) {
    if (begin == end) return;
    int64_t stride[kMaxRank];
    dense_strides(x.shape(), stride);
    StridedCopy copy;
    for (int d = 0; d < x.rank(); ++d) {
      if (d == place.batch) continue;
      const bool along = d == place.seq;
      copy.add(along ? end - begin : x.dim(d), stride[d],
               along && reversed ? -stride[d] : stride[d]);
    }
    const int64_t start = place.number * stride[place.batch];
    const int64_t to = start + begin * stride[place.seq];
    const int64_t from = start + (reversed ? end - 1 : begin) * stride[place.seq];
    copy_strided(ctx, x.dtype(), element_at(out.raw(), x.dtype(), to),
                 element_at(x.raw(), x.dtype(), from), copy);
  }

  int64_t seq_, batch_;
};

}  // namespace

void register_reorder(KernelRegistry& r) {
  r.add("Roll", kCpu, {}, function<compute_roll>);
  r.add("ReverseSequence", kCpu, {}, make<ReverseSequence>);
}

}  // namespace penstock
