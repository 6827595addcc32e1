// The bodies of the elementwise kernels. One element, the common case in graphs of scalars, is
// looked for first and costs one call.
#include "cpu/loops.h"

#include <cstring>

#include "cpu/broadcast.h"
#include "cpu/vector/table.h"

namespace penstock {

const HalfCodec* half_codec(DType dtype) {
  static const HalfCodec float16_codec{vector_table().convert.float16_to_float,
                                       vector_table().convert.float_to_float16};
  static const HalfCodec bfloat16_codec{vector_table().convert.bfloat16_to_float,
                                        vector_table().convert.float_to_bfloat16};
  if (dtype == DType::kFloat16) return &float16_codec;
  return dtype == DType::kBFloat16 ? &bfloat16_codec : nullptr;
}

void MapKernel::compute(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const char* from = static_cast<const char*>(x.raw());  // before the buffer may be taken over
  const int64_t n = x.num_elements();
  Tensor& y = ctx.forward_or_allocate(0, x.shape(), {0});
  char* to = static_cast<char*>(y.raw());
  ctx.parallel_for(n, spec_.cost_ns, [&](int64_t begin, int64_t end) {
    map_blocks(in_, out_, from + begin * in_.size, to + begin * out_.size, end - begin, spec_.fn);
  });
}

namespace {

// A row of a zip; a stride of 0 repeats the one element there.
void zip_row(const Storage& in, const Storage& out, const ZipLoops& loops, const int64_t* stride,
             const char* x, const char* y, char* z, int64_t n) {
  if (stride[0] == stride[1]) return pair_blocks(in, out, x, y, z, n, loops.both);
  const bool x_repeats = stride[0] == 0;
  const char* repeated = x_repeats ? x : y;
  float wide;
  if (in.codec) in.codec->widen(repeated, &wide, 1);
  const void* value = in.codec ? static_cast<const void*>(&wide) : repeated;
  map_blocks(in, out, x_repeats ? y : x, z, n, [&](const void* running, void* to, int64_t m) {
    if (x_repeats) {
      loops.y_only(value, running, to, m);
    } else {
      loops.x_only(running, value, to, m);
    }
  });
}

}  // namespace

void ZipKernel::compute(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& y = ctx.input(1);
  if (x.shape() != y.shape()) return compute_broadcast(ctx);
  const char* a = static_cast<const char*>(x.raw());
  const char* b = static_cast<const char*>(y.raw());
  const int64_t n = x.num_elements();
  if (spec_.check && n > 0) spec_.check(x, y);
  char* c = static_cast<char*>(ctx.forward_or_allocate(0, x.shape(), {0, 1}).raw());
  ctx.parallel_for(n, spec_.cost_ns, [&](int64_t begin, int64_t end) {
    pair_blocks(in_, out_, a + begin * in_.size, b + begin * in_.size, c + begin * out_.size,
                end - begin, spec_.loops.both);
  });
}

void ZipKernel::compute_broadcast(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& y = ctx.input(1);
  const Shape shape = broadcast_shapes(x.shape(), y.shape());
  const int64_t n = shape.num_elements();
  if (n == 0) {
    ctx.allocate_output(0, shape);
    return;
  }
  if (spec_.check) spec_.check(x, y);
  const Broadcast broadcast({&x.shape(), &y.shape()}, shape);
  const char* a = static_cast<const char*>(x.raw());
  const char* b = static_cast<const char*>(y.raw());
  char* c = static_cast<char*>(ctx.forward_or_allocate(0, shape, {0, 1}).raw());
  if (compute_tiled(ctx, broadcast, a, b, c)) return;
  const int64_t* inner = broadcast.stride[broadcast.rank - 1];
  const double cost = spec_.cost_ns + 4.0 / static_cast<double>(broadcast.size[broadcast.rank - 1]);
  ctx.parallel_for(n, cost, [&](int64_t begin, int64_t end) {
    broadcast.for_rows(begin, end, [&](const int64_t* offset, int64_t at, int64_t count) {
      zip_row(in_, out_, spec_.loops, inner, a + offset[0] * in_.size, b + offset[1] * in_.size,
              c + at * out_.size, count);
    });
  });
}

// Rows of a few elements would cost a call each: a bias over few channels.
bool ZipKernel::compute_tiled(KernelContext& ctx, const Broadcast& broadcast, const char* x,
                              const char* y, char* z) const {
  constexpr int64_t kShort = 64;
  constexpr int64_t kTileBytes = 4096;
  const int64_t row = broadcast.size[broadcast.rank - 1];
  const int64_t n = broadcast.size[0] * row;
  if (broadcast.rank != 2 || row > kShort || n * in_.size < 2 * kTileBytes) return false;
  const bool x_runs = broadcast.stride[0][0] > 0 && broadcast.stride[1][0] > 0;
  const bool y_runs = broadcast.stride[0][1] > 0 && broadcast.stride[1][1] > 0;
  if (broadcast.stride[1][0] == 0 || broadcast.stride[1][1] == 0 || x_runs == y_runs) return false;
  const int64_t length = kTileBytes / (row * in_.size) * row;
  alignas(64) char tile[kTileBytes];
  for (int64_t i = 0; i < length; i += row) {
    std::memcpy(tile + i * in_.size, x_runs ? y : x, static_cast<size_t>(row * in_.size));
  }
  ctx.parallel_for(n, spec_.cost_ns, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t phase = begin % row;
      const int64_t m = std::min(length - phase, end - begin);
      const char* short_side = tile + phase * in_.size;
      pair_blocks(in_, out_, x_runs ? x + begin * in_.size : short_side,
                  x_runs ? short_side : y + begin * in_.size, z + begin * out_.size, m,
                  spec_.loops.both);
      begin += m;
    }
  });
  return true;
}

void PairKernel::compute(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Tensor& y = ctx.input(1);
  require(x.shape() == y.shape(), "both inputs must have the same shape, got ", x.shape(), " and ",
          y.shape());
  const char* a = static_cast<const char*>(x.raw());
  const char* b = static_cast<const char*>(y.raw());
  const int64_t n = x.num_elements();
  char* c = static_cast<char*>(ctx.forward_or_allocate(0, x.shape(), {0, 1}).raw());
  ctx.parallel_for(n, spec_.cost_ns, [&](int64_t begin, int64_t end) {
    pair_blocks(in_, out_, a + begin * in_.size, b + begin * in_.size, c + begin * out_.size,
                end - begin, spec_.fn);
  });
}

}  // namespace penstock
