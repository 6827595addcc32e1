// Optimizer updates: one fused pass over a weight, its slots and the gradient, in place, under
// the variables' locks; or, for sparse gradients, over the rows that the indices name.
//
// A rule says which vector loop an op runs and how its scalar inputs become the loop's scalars;
// everything else is shared by all rules. Where an index occurs twice its updates apply one
// after the other, in order.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

#include "cpu/elements.h"
#include "cpu/gather.h"
#include "cpu/register.h"
#include "cpu/training_complex.h"
#include "cpu/variables.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

using Scalars = std::array<double, 6>;
constexpr int kMaxVariables = 4;

struct Rule {
  const char* op;
  int variables;  // the weight and its slots: the first inputs
  int gradient;   // which input the gradient is
  int indices;    // which input the row numbers are; 0: the gradient is dense
  const UpdateByType* (*loop)(const VectorTable&, const NodeInfo&);
  Scalars (*prepare)(const Scalars& given);  // the loop's scalars from the op's
};

bool flag(const NodeInfo& node, const char* name, bool otherwise = false) {
  return node.attrs.get_or<bool>(name, otherwise);
}

Scalars as_given(const Scalars& s) { return s; }
Scalars without_epsilon(const Scalars& s) { return {s[0], 0}; }

// beta1_power, beta2_power, lr, beta1, beta2, epsilon
Scalars adam_scalars(const Scalars& s) {
  return {s[2] * std::sqrt(1 - s[1]) / (1 - s[0]), 1 - s[3], 1 - s[4], s[5]};
}
// lr, l1, l2, lr_power
Scalars ftrl_scalars(const Scalars& s) { return {s[0], s[1], 2 * s[2], 0, -s[3]}; }
// lr, l1, l2, l2_shrinkage, lr_power
Scalars ftrl_v2_scalars(const Scalars& s) { return {s[0], s[1], 2 * s[2], 2 * s[3], -s[4]}; }

const UpdateByType* descent(const VectorTable& t, const NodeInfo&) {
  return &t.training.gradient_descent;
}
const UpdateByType* momentum(const VectorTable& t, const NodeInfo& node) {
  return flag(node, "use_nesterov") ? &t.training.momentum_nesterov : &t.training.momentum;
}
const UpdateByType* keras_momentum(const VectorTable& t, const NodeInfo& node) {
  return flag(node, "use_nesterov") ? &t.training.keras_momentum_nesterov
                                    : &t.training.keras_momentum;
}
const UpdateByType* adagrad(const VectorTable& t, const NodeInfo& node) {
  return flag(node, "update_slots", true) ? &t.training.adagrad : &t.training.adagrad_frozen;
}
const UpdateByType* adam(const VectorTable& t, const NodeInfo& node) {
  return flag(node, "use_nesterov") ? &t.training.adam_nesterov : &t.training.adam;
}
const UpdateByType* rms_prop(const VectorTable& t, const NodeInfo&) { return &t.training.rms_prop; }
const UpdateByType* centered(const VectorTable& t, const NodeInfo&) {
  return &t.training.centered_rms_prop;
}
const UpdateByType* adadelta(const VectorTable& t, const NodeInfo&) { return &t.training.adadelta; }
const UpdateByType* ftrl(const VectorTable& t, const NodeInfo& node) {
  return flag(node, "multiply_linear_by_lr") ? &t.training.ftrl_by_lr : &t.training.ftrl;
}
const UpdateByType* proximal_descent(const VectorTable& t, const NodeInfo&) {
  return &t.proximal.gradient_descent;
}
const UpdateByType* proximal_adagrad(const VectorTable& t, const NodeInfo&) {
  return &t.proximal.adagrad;
}
const UpdateByType* adagrad_da(const VectorTable& t, const NodeInfo&) {
  return &t.proximal.adagrad_da;
}

// op, variables, gradient, indices, loop, scalars
constexpr Rule kRules[] = {
    {"ResourceApplyGradientDescent", 1, 2, 0, descent, as_given},
    {"ResourceApplyMomentum", 2, 3, 0, momentum, as_given},
    {"ResourceApplyKerasMomentum", 2, 3, 0, keras_momentum, as_given},
    {"ResourceApplyAdagrad", 2, 3, 0, adagrad, without_epsilon},
    {"ResourceApplyAdagradV2", 2, 4, 0, adagrad, as_given},
    {"ResourceApplyAdam", 3, 9, 0, adam, adam_scalars},
    {"ResourceApplyRMSProp", 3, 7, 0, rms_prop, as_given},
    {"ResourceApplyCenteredRMSProp", 4, 8, 0, centered, as_given},
    {"ResourceApplyAdadelta", 3, 6, 0, adadelta, as_given},
    {"ResourceApplyFtrl", 3, 3, 0, ftrl, ftrl_scalars},
    {"ResourceApplyFtrlV2", 3, 3, 0, ftrl, ftrl_v2_scalars},
    {"ResourceApplyProximalGradientDescent", 1, 4, 0, proximal_descent, as_given},
    {"ResourceApplyProximalAdagrad", 2, 5, 0, proximal_adagrad, as_given},
    {"ResourceApplyAdagradDA", 3, 3, 0, adagrad_da, as_given},
    {"ResourceSparseApplyMomentum", 2, 3, 4, momentum, as_given},
    {"ResourceSparseApplyKerasMomentum", 2, 3, 4, keras_momentum, as_given},
    {"ResourceSparseApplyAdagrad", 2, 3, 4, adagrad, without_epsilon},
    {"ResourceSparseApplyRMSProp", 3, 7, 8, rms_prop, as_given},
    {"ResourceSparseApplyCenteredRMSProp", 4, 8, 9, centered, as_given},
    {"ResourceSparseApplyAdadelta", 3, 6, 7, adadelta, as_given},
    {"ResourceSparseApplyFtrl", 3, 3, 4, ftrl, ftrl_scalars},
    {"ResourceSparseApplyFtrlV2", 3, 3, 4, ftrl, ftrl_v2_scalars},
    {"ResourceSparseApplyProximalGradientDescent", 1, 4, 5, proximal_descent, as_given},
    {"ResourceSparseApplyProximalAdagrad", 2, 5, 6, proximal_adagrad, as_given},
    {"ResourceSparseApplyAdagradDA", 3, 3, 4, adagrad_da, as_given},
};

const Rule& rule_of(const std::string& op) {
  for (const Rule& rule : kRules) {
    if (op == rule.op) return rule;
  }
  fail(Code::kInternal, "no update rule for ", op);
}

class Update final : public Kernel {
 public:
  explicit Update(const NodeInfo& node) : rule_(rule_of(node.op)), dtype_(node.attr_dtype("T")) {
    const bool is_complex = kComplex.has(dtype_);
    const UpdateByType* loops = rule_.loop(is_complex ? complex_updates() : vector_table(), node);
    const bool wide = dtype_ == DType::kFloat64 || dtype_ == DType::kComplex128;
    loop_ = wide ? loops->f64 : loops->f32;
  }

  void compute(KernelContext& ctx) override {
    const Tensor& grad = ctx.input(rule_.gradient);
    const Scalars scalars = rule_.prepare(read_scalars(ctx));
    LockedVariables variables(ctx, rule_.variables, dtype_);
    if (rule_.indices == 0) {
      update_all(ctx, variables, grad, scalars);
    } else {
      update_rows(ctx, variables, grad, ctx.input(rule_.indices), scalars);
    }
  }

 private:
  Scalars read_scalars(const KernelContext& ctx) const {
    Scalars scalars = {};
    size_t n = 0;
    for (int i = rule_.variables; i < ctx.num_inputs(); ++i) {
      if (i == rule_.gradient || (rule_.indices != 0 && i == rule_.indices)) continue;
      const Tensor& t = ctx.input(i);
      require(t.is_scalar(), "input ", i, " is a hyperparameter and must be a scalar, got shape ",
              t.shape());
      scalars[n++] = visit_dtype<float, double, float16, bfloat16, int64_t, complex64, complex128>(
          t.dtype(), [&](auto zero) { return real(i, t.scalar<decltype(zero)>()); });
    }
    return scalars;
  }

  template <class T>
  static double real(int, T value) {
    return static_cast<double>(value);
  }
  template <class T>
  static double real(int input, std::complex<T> value) {
    require(value.imag() == 0, "input ", input, " is a hyperparameter and must be real, got ",
            value);
    return static_cast<double>(value.real());
  }

  double element_cost() const { return 0.4 * (rule_.variables + 1); }

  // `n` elements from `first` on of every variable, with the gradient's from `grad_first` on.
  void apply(LockedVariables& variables, int64_t first, const Tensor& grad, int64_t grad_first,
             int64_t n, const Scalars& scalars) const {
    void* at[kMaxVariables];
    for (int i = 0; i < rule_.variables; ++i) {
      at[i] = element_at(variables.value(i).raw(), dtype_, first);
    }
    const void* g = element_at(grad.raw(), dtype_, grad_first);
    if (dtype_ == DType::kFloat16) {
      apply_widened<float16>(at, static_cast<const float16*>(g), n, scalars);
    } else if (dtype_ == DType::kBFloat16) {
      apply_widened<bfloat16>(at, static_cast<const bfloat16*>(g), n, scalars);
    } else {
      loop_(at, g, scalars.data(), n);
    }
  }

  // Half precision computes in float32, a block at a time, and rounds once at the end.
  template <class T>
  void apply_widened(void* const* variables, const T* grad, int64_t n,
                     const Scalars& scalars) const {
    constexpr int64_t kBlock = 256;
    float wide[kMaxVariables + 1][kBlock];
    void* at[kMaxVariables];
    for (int i = 0; i < rule_.variables; ++i) at[i] = wide[i];
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t count = std::min(kBlock, n - begin);
      for (int i = 0; i < rule_.variables; ++i) {
        std::copy_n(static_cast<const T*>(variables[i]) + begin, count, wide[i]);
      }
      std::copy_n(grad + begin, count, wide[kMaxVariables]);
      loop_(at, wide[kMaxVariables], scalars.data(), count);
      for (int i = 0; i < rule_.variables; ++i) {
        std::copy_n(wide[i], count, static_cast<T*>(variables[i]) + begin);
      }
    }
  }

  void update_all(const KernelContext& ctx, LockedVariables& variables, const Tensor& grad,
                  const Scalars& scalars) const {
    require(grad.shape() == variables.value(0).shape(), "the weight has shape ",
            variables.value(0).shape(), ", the gradient has ", grad.shape());
    ctx.parallel_for(grad.num_elements(), element_cost(), [&](int64_t begin, int64_t end) {
      apply(variables, begin, grad, begin, end - begin, scalars);
    });
  }

  // Threads divide the weight's rows; each applies the updates of its own, in order.
  void update_rows(const KernelContext& ctx, LockedVariables& variables, const Tensor& grad,
                   const Tensor& indices, const Scalars& scalars) const {
    const Shape& shape = variables.value(0).shape();
    require(shape.rank() > 0, "the weight is a scalar: it has no rows to update");
    require(indices.rank() == 1, "indices must be a vector, got shape ", indices.shape());
    Shape expected = shape;
    expected.set(0, indices.dim(0));
    require(grad.shape() == expected, "the gradient must have shape ", expected,
            " (indices, then a row of the weight), got ", grad.shape());
    const std::vector<int64_t> rows = checked_indices(indices, shape[0]);
    if (grad.num_elements() == 0) return;
    const int64_t inner = shape.product(1, shape.rank());
    const double cost = (4.0 + element_cost() * static_cast<double>(inner)) *
                        static_cast<double>(rows.size()) / static_cast<double>(shape[0]);
    ctx.parallel_for(shape[0], cost, [&](int64_t begin, int64_t end) {
      for (size_t k = 0; k < rows.size(); ++k) {
        if (rows[k] < begin || rows[k] >= end) continue;
        apply(variables, rows[k] * inner, grad, static_cast<int64_t>(k) * inner, inner, scalars);
      }
    });
  }

  const Rule& rule_;
  DType dtype_;
  UpdateFn loop_;
};

}  // namespace

void register_training(KernelRegistry& r) {
  for (const Rule& rule : kRules) {
    const UpdateByType* loops = rule.loop(complex_updates(), NodeInfo{});
    r.add(rule.op, kCpu, {{"T", loops->f32 ? kFloating | kComplex : kFloating}}, make<Update>);
  }
}

}  // namespace penstock
