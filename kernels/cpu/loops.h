// The loop shapes of elementwise kernels: map (one operand), zip (two operands with
// broadcasting), pair (two operands of one shape: gradients).
//
// A family supplies, for a dtype, contiguous loops over untyped memory (vector/loop_types.h);
// broadcasting, threads and forwarding of input buffers are here, compiled once. Kernels for
// float16 and bfloat16 are those for float32 with conversion of blocks around them: a family
// is asked for float32 then.
//
//   MapSpec exp_loop(DType t);            // in the family's file
//   r.add("Exp", kCpu, {{"T", kFloating}}, map<exp_loop>);
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "cpu/vector/loop_types.h"
#include "runtime/kernel.h"
#include "runtime/kernel_registry.h"

namespace penstock {

struct Broadcast;

// A loop and what an element costs on one thread, in nanoseconds.
struct MapSpec {
  MapFn fn;
  double cost_ns = 0.25;
};
// `check` looks at the operands before anything is computed and throws for a user's mistake.
struct ZipSpec {
  ZipLoops loops;
  double cost_ns = 0.25;
  void (*check)(const Tensor& x, const Tensor& y) = nullptr;
};
struct PairSpec {
  ZipFn fn;
  double cost_ns = 0.4;
};

// Conversion of a 16-bit float to float32 and back.
struct HalfCodec {
  MapFn widen;
  MapFn narrow;
};
// Null for every dtype that kernels compute with directly.
const HalfCodec* half_codec(DType dtype);
// What kernels compute with for elements of `dtype`.
inline DType compute_dtype(DType dtype) { return kHalf2.has(dtype) ? DType::kFloat32 : dtype; }

// How the elements of one side of a loop are stored.
struct Storage {
  explicit Storage(DType dtype)
      : size(static_cast<int64_t>(dtype_size(dtype))), codec(half_codec(dtype)) {}
  int64_t size;
  const HalfCodec* codec;
};

inline constexpr int64_t kHalfBlock = 512;  // elements converted at a time

// fn(x, y, n), with conversion where a side is a 16-bit float.
template <class Fn>
void map_blocks(const Storage& in, const Storage& out, const void* x, void* y, int64_t n,
                const Fn& fn) {
  if (in.codec == nullptr && out.codec == nullptr) return fn(x, y, n);
  alignas(64) float wide_x[kHalfBlock];
  alignas(64) float wide_y[kHalfBlock];
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  for (int64_t i = 0; i < n; i += kHalfBlock) {
    const int64_t m = std::min(kHalfBlock, n - i);
    if (in.codec) in.codec->widen(from + i * in.size, wide_x, m);
    const void* source = in.codec ? wide_x : static_cast<const void*>(from + i * in.size);
    fn(source, out.codec ? wide_y : static_cast<void*>(to + i * out.size), m);
    if (out.codec) out.codec->narrow(wide_y, to + i * out.size, m);
  }
}

// fn(x, y, z, n), with conversion where a side is a 16-bit float.
template <class Fn>
void pair_blocks(const Storage& in, const Storage& out, const char* x, const char* y, char* z,
                 int64_t n, const Fn& fn) {
  if (in.codec == nullptr) return fn(x, y, z, n);
  alignas(64) float wide_x[kHalfBlock];
  alignas(64) float wide_y[kHalfBlock];
  alignas(64) float wide_z[kHalfBlock];
  for (int64_t i = 0; i < n; i += kHalfBlock) {
    const int64_t m = std::min(kHalfBlock, n - i);
    in.codec->widen(x + i * in.size, wide_x, m);
    in.codec->widen(y + i * in.size, wide_y, m);
    void* target = out.codec ? static_cast<void*>(wide_z) : z + i * out.size;
    fn(wide_x, wide_y, target, m);
    if (out.codec) out.codec->narrow(wide_z, z + i * out.size, m);
  }
}

class MapKernel final : public Kernel {
 public:
  MapKernel(const NodeInfo& node, MapSpec spec)
      : in_(node.input_dtypes[0]), out_(node.output_dtypes[0]), spec_(spec) {}
  void compute(KernelContext& ctx) override;

 private:
  Storage in_;
  Storage out_;
  MapSpec spec_;
};

class ZipKernel final : public Kernel {
 public:
  ZipKernel(const NodeInfo& node, ZipSpec spec)
      : in_(node.input_dtypes[0]), out_(node.output_dtypes[0]), spec_(spec) {}
  void compute(KernelContext& ctx) override;

 private:
  void compute_broadcast(KernelContext& ctx);
  // Writes z, where a short row (`tile`, repeated to some hundred elements) meets every row.
  bool compute_tiled(KernelContext& ctx, const Broadcast& broadcast, const char* x, const char* y,
                     char* z) const;
  Storage in_;
  Storage out_;
  ZipSpec spec_;
};

class PairKernel final : public Kernel {
 public:
  PairKernel(const NodeInfo& node, PairSpec spec)
      : in_(node.input_dtypes[0]), out_(node.output_dtypes[0]), spec_(spec) {}
  void compute(KernelContext& ctx) override;

 private:
  Storage in_;
  Storage out_;
  PairSpec spec_;
};

// Factories: `spec` is asked once, when a kernel is made.
template <MapSpec (*spec)(DType)>
std::unique_ptr<Kernel> map(const NodeInfo& node) {
  return std::make_unique<MapKernel>(node, spec(compute_dtype(node.input_dtypes[0])));
}
template <ZipSpec (*spec)(DType)>
std::unique_ptr<Kernel> zip(const NodeInfo& node) {
  return std::make_unique<ZipKernel>(node, spec(compute_dtype(node.input_dtypes[0])));
}
template <PairSpec (*spec)(DType)>
std::unique_ptr<Kernel> pair(const NodeInfo& node) {
  return std::make_unique<PairKernel>(node, spec(compute_dtype(node.input_dtypes[0])));
}

}  // namespace penstock
