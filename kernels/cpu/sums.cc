// Sums of many tensors of one shape, and the axes over which a broadcast's gradient is summed.
//
// A sum is computed block by block, so that the partial sums stay in the cache; 16-bit floats
// are accumulated in float32 and rounded once.
#include <algorithm>
#include <complex>
#include <vector>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

struct Add {
  template <class T>
  static T at(const T& x, const T& y) {
    return static_cast<T>(x + y);
  }
};

ZipFn add_loop(DType t) {
  const ZipByType& fast = vector_table().binary.add;
  if (t == DType::kFloat32) return fast.f32.both;
  if (t == DType::kFloat64) return fast.f64.both;
  if (t == DType::kInt32 || t == DType::kUInt32) return fast.i32.both;
  if (t == DType::kInt64 || t == DType::kUInt64) return fast.i64.both;
  if (dtype_size(t) == 1) return zip_both<Add, uint8_t, uint8_t>;
  if (dtype_size(t) == 2) return zip_both<Add, uint16_t, uint16_t>;
  return visit_dtype<complex64, complex128>(
      t, [](auto e) -> ZipFn { return zip_both<Add, decltype(e), decltype(e)>; });
}

class AddN final : public Kernel {
 public:
  explicit AddN(const NodeInfo& node)
      : storage_(node.output_dtypes[0]),
        add_(add_loop(compute_dtype(node.output_dtypes[0]))),
        promised_(node.attrs.get_or<PartialShape>("shape", PartialShape{true, {}})) {}

  void compute(KernelContext& ctx) override {
    const int count = ctx.num_inputs();
    require(promised_.allows(ctx.input(0).shape()), "the inputs have shape ", ctx.input(0).shape(),
            ", the attribute shape says ", promised_.to_string());
    if (count == 1) return ctx.set_output(0, ctx.input(0));
    const Shape shape = ctx.input(0).shape();
    std::vector<const char*> terms;
    for (int k = 0; k < count; ++k) {
      require(ctx.input(k).shape() == shape, "all inputs must have the same shape: input 0 has ",
              shape, ", input ", k, " has ", ctx.input(k).shape());
      terms.push_back(static_cast<const char*>(ctx.input(k).raw()));
    }
    // The first two are read before the output is written; a later one may not be overwritten.
    char* sum = static_cast<char*>(ctx.forward_or_allocate(0, shape, {0, 1}).raw());
    ctx.parallel_for(shape.num_elements(), 0.2 * count, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t n = std::min(kBlock, end - i);
        if (storage_.codec)
          add_halves(terms, sum, i, n);
        else
          add_block(terms, sum, i * storage_.size, n);
      }
    });
  }

 private:
  static constexpr int64_t kBlock = 2048;

  void add_block(const std::vector<const char*>& terms, char* sum, int64_t at, int64_t n) const {
    add_(terms[0] + at, terms[1] + at, sum + at, n);
    for (size_t k = 2; k < terms.size(); ++k) add_(sum + at, terms[k] + at, sum + at, n);
  }
  void add_halves(const std::vector<const char*>& terms, char* sum, int64_t i, int64_t n) const {
    alignas(64) float total[kBlock];
    alignas(64) float term[kBlock];
    storage_.codec->widen(terms[0] + i * storage_.size, total, n);
    for (size_t k = 1; k < terms.size(); ++k) {
      storage_.codec->widen(terms[k] + i * storage_.size, term, n);
      add_(total, term, total, n);
    }
    storage_.codec->narrow(total, sum + i * storage_.size, n);
  }
  Storage storage_;
  ZipFn add_;
  PartialShape promised_;  // AccumulateNV2 states its shape
};

// Given the shapes of two operands, for each the axes of the result along which it was
// repeated. Axes of size 1 count too, except where the shapes are equal.
template <class T>
void compute_broadcast_gradient_args(KernelContext& ctx) {
  const Shape s[2] = {Shape(as_int64s(ctx.input(0))), Shape(as_int64s(ctx.input(1)))};
  const int rank = broadcast_shapes(s[0], s[1]).rank();
  for (int k = 0; k < 2; ++k) {
    std::vector<T> axes;
    const int missing = rank - s[k].rank();
    for (int d = 0; d < rank && s[0] != s[1]; ++d) {
      if (d < missing || s[k][d - missing] == 1) axes.push_back(static_cast<T>(d));
    }
    Tensor& out = ctx.allocate_output(k, Shape{static_cast<int64_t>(axes.size())});
    std::copy(axes.begin(), axes.end(), out.mutable_data<T>());
  }
}

}  // namespace

void register_sums(KernelRegistry& r) {
  r.add("AddN", kCpu, {{"T", kNumber}}, make<AddN>);
  r.add("AccumulateNV2", kCpu, {{"T", kNumber}}, make<AddN>);
  r.add("BroadcastGradientArgs", kCpu, {{"T", DType::kInt32}},
        function<compute_broadcast_gradient_args<int32_t>>, Cost::kTrivial);
  r.add("BroadcastGradientArgs", kCpu, {{"T", DType::kInt64}},
        function<compute_broadcast_gradient_args<int64_t>>, Cost::kTrivial);
}

}  // namespace penstock
