// Activation functions and their gradients. Floats come from the vector table; relu and relu6
// take integers too.
#include <cmath>
#include <type_traits>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/shapes.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

constexpr double kSimple = 0.25;
constexpr double kVectorised = 0.8;
constexpr double kLibrary = 15.0;

struct Relu {
  template <class T>
  static T at(T x) {
    return x > T(0) ? x : T(0);
  }
};
struct Relu6 {
  template <class T>
  static T at(T x) {
    const T y = x > T(0) ? x : T(0);
    return y < T(6) ? y : T(6);
  }
};
struct ReluGrad {
  template <class T>
  static T at(T g, T x) {
    return x > T(0) ? g : T(0);
  }
};
struct Relu6Grad {
  template <class T>
  static T at(T g, T x) {
    return x > T(0) && x < T(6) ? g : T(0);
  }
};
struct Softplus {
  static double at(double x) { return (x < 0.0 ? 0.0 : x) + std::log1p(std::exp(-std::fabs(x))); }
};

const ActivationLoops& fast() { return vector_table().activation; }

// Functions of floats only: the table has both types.
MapSpec of_float(DType t, const MapByType& loops, double cost) {
  if (t == DType::kFloat32) return {loops.f32, cost};
  return {loops.f64, 2 * cost};
}
PairSpec of_float(DType t, const ZipPair& loops, double cost = 0.4) {
  if (t == DType::kFloat32) return {loops.f32, cost};
  return {loops.f64, 2 * cost};
}
template <class F>
MapSpec of_real(DType t, const MapByType& loops) {
  if (kFloating.has(t)) return of_float(t, loops, kSimple);
  return {visit_dtype<int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t>(
              t, [](auto e) -> MapFn { return map_loop<F, decltype(e)>; }),
          kSimple};
}
template <class F>
PairSpec of_real(DType t, const ZipPair& loops) {
  if (kFloating.has(t)) return of_float(t, loops);
  return {visit_dtype<int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t>(
      t, [](auto e) -> ZipFn { return zip_both<F, decltype(e), decltype(e)>; })};
}

MapSpec relu_loop(DType t) { return of_real<Relu>(t, fast().relu); }
MapSpec relu6_loop(DType t) { return of_real<Relu6>(t, fast().relu6); }
MapSpec elu_loop(DType t) { return of_float(t, fast().elu, kVectorised); }
MapSpec selu_loop(DType t) { return of_float(t, fast().selu, kVectorised); }
MapSpec softsign_loop(DType t) { return of_float(t, fast().softsign, kSimple); }
MapSpec softplus_loop(DType t) {
  if (t == DType::kFloat64) return {map_loop<Softplus, double>, kLibrary};
  return {fast().softplus.f32, 2 * kVectorised};
}
PairSpec relu_grad_loop(DType t) { return of_real<ReluGrad>(t, fast().relu_grad); }
PairSpec relu6_grad_loop(DType t) { return of_real<Relu6Grad>(t, fast().relu6_grad); }
PairSpec elu_grad_loop(DType t) { return of_float(t, fast().elu_grad); }
PairSpec selu_grad_loop(DType t) { return of_float(t, fast().selu_grad); }
PairSpec softplus_grad_loop(DType t) { return of_float(t, fast().softplus_grad, kVectorised); }
PairSpec softsign_grad_loop(DType t) { return of_float(t, fast().softsign_grad); }

// Attributes of kind float are float32 where graphs travel, for operands of any dtype.
double float_attr(const NodeInfo& node, const char* name, double otherwise) {
  return static_cast<float>(node.attrs.get_or(name, otherwise));
}

class LeakyRelu final : public Kernel {
 public:
  explicit LeakyRelu(const NodeInfo& node)
      : storage_(node.output_dtypes[0]),
        loop_(node.output_dtypes[0] == DType::kFloat64 ? fast().leaky_relu_f64
                                                       : fast().leaky_relu_f32),
        alpha_(float_attr(node, "alpha", 0.2)) {}

  void compute(KernelContext& ctx) override {
    const char* from = static_cast<const char*>(ctx.input(0).raw());
    const int64_t n = ctx.input(0).num_elements();
    char* to = static_cast<char*>(ctx.forward_or_allocate(0, ctx.input(0).shape(), {0}).raw());
    const auto loop = [this](const void* x, void* y, int64_t m) { loop_(x, alpha_, y, m); };
    ctx.parallel_for(n, kSimple, [&](int64_t begin, int64_t end) {
      map_blocks(storage_, storage_, from + begin * storage_.size, to + begin * storage_.size,
                 end - begin, loop);
    });
  }

 private:
  Storage storage_;
  MapWithFn loop_;
  double alpha_;
};

class LeakyReluGrad final : public Kernel {
 public:
  explicit LeakyReluGrad(const NodeInfo& node)
      : storage_(node.output_dtypes[0]),
        loop_(node.output_dtypes[0] == DType::kFloat64 ? fast().leaky_relu_grad_f64
                                                       : fast().leaky_relu_grad_f32),
        alpha_(float_attr(node, "alpha", 0.2)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& g = ctx.input(0);
    const Tensor& x = ctx.input(1);
    require(g.shape() == x.shape(), "gradients and features must have the same shape, got ",
            g.shape(), " and ", x.shape());
    const char* a = static_cast<const char*>(g.raw());
    const char* b = static_cast<const char*>(x.raw());
    const int64_t n = g.num_elements();
    char* c = static_cast<char*>(ctx.forward_or_allocate(0, g.shape(), {0, 1}).raw());
    const auto loop = [this](const void* p, const void* q, void* r, int64_t m) {
      loop_(p, q, alpha_, r, m);
    };
    ctx.parallel_for(n, 0.4, [&](int64_t begin, int64_t end) {
      pair_blocks(storage_, storage_, a + begin * storage_.size, b + begin * storage_.size,
                  c + begin * storage_.size, end - begin, loop);
    });
  }

 private:
  Storage storage_;
  ZipWithFn loop_;
  double alpha_;
};

}  // namespace

void register_activation(KernelRegistry& r) {
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("Relu", kReal, map<relu_loop>);
  add("ReluGrad", kReal, pair<relu_grad_loop>);
  add("Relu6", kReal, map<relu6_loop>);
  add("Relu6Grad", kReal, pair<relu6_grad_loop>);
  add("LeakyRelu", kFloating, make<LeakyRelu>);
  add("LeakyReluGrad", kFloating, make<LeakyReluGrad>);
  add("Elu", kFloating, map<elu_loop>);
  add("EluGrad", kFloating, pair<elu_grad_loop>);
  add("Selu", kFloating, map<selu_loop>);
  add("SeluGrad", kFloating, pair<selu_grad_loop>);
  add("Softplus", kFloating, map<softplus_loop>);
  add("SoftplusGrad", kFloating, pair<softplus_grad_loop>);
  add("Softsign", kFloating, map<softsign_loop>);
  add("SoftsignGrad", kFloating, pair<softsign_grad_loop>);
}

}  // namespace penstock
