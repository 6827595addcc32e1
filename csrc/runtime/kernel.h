// What a kernel is, and all that one sees while it computes.
//
// A Kernel is made once for each node of a Program and may be running in several steps at
// the same time: after construction it is immutable, state goes into resources. It throws
// Error for a user's mistake; the executor adds the node to the message.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/attrs.h"
#include "core/resource.h"
#include "core/tensor.h"
#include "runtime/cancellation.h"
#include "runtime/thread_pool.h"

namespace penstock {

// What a node costs to run, as far as its op tells. Refined by measurement (program.h).
enum class Cost : uint8_t {
  kTrivial,   // constant time, no look at the elements: Reshape, Shape, Identity
  kElements,  // a few nanoseconds an element
  kHeavy,     // matrix products, convolutions
};

// A node of a Program, as kernels and messages see it.
struct NodeInfo {
  std::string name;
  std::string op;
  std::string device;
  Attrs attrs;
  std::vector<DType> input_dtypes;
  std::vector<DType> output_dtypes;
  // For each input, the tensor when it is a constant of the graph (else no value): lets a
  // kernel prepare once what never changes (reordered weights, a permutation).
  std::vector<Tensor> constant_inputs;

  DType attr_dtype(std::string_view name) const { return attrs.get<DType>(name); }
};

// What one session's kernels share. Owned by the native session; outlives every step.
struct SessionState {
  ResourceContainer* resources = nullptr;
  Allocator* allocator = nullptr;    // of the node's device
  ThreadPool* intra_pool = nullptr;  // for parallel_for: honours intra_op_parallelism_threads
  bool deterministic = false;
  ThreadPool* inter_pool = nullptr;  // for nodes side by side; null: nodes run one by one
  const Cancellation* cancellation = nullptr;
};

// The call of one kernel in one step. Lives on the executor's stack.
class KernelContext {
 public:
  // `inputs` and `outputs` point into the step's slots; `output_dtypes` are those of the node,
  // where they lie beside those of the node before it. Bit i of `last_use` says that this
  // call is the last reader of input i in the step, so its buffer may be reused.
  KernelContext(const NodeInfo& node, const SessionState& session, Tensor* const* inputs,
                Tensor* outputs, uint64_t last_use, const DType* output_dtypes)
      : node_(node),
        session_(session),
        inputs_(inputs),
        outputs_(outputs),
        last_use_(last_use),
        output_dtypes_(output_dtypes) {}
  // For a kernel that calls another one on tensors of its own.
  KernelContext(const NodeInfo& node, const SessionState& session, Tensor* const* inputs,
                Tensor* outputs, uint64_t last_use)
      : KernelContext(node, session, inputs, outputs, last_use, node.output_dtypes.data()) {}

  const NodeInfo& node() const { return node_; }
  const SessionState& session() const { return session_; }
  int num_inputs() const { return static_cast<int>(node_.input_dtypes.size()); }
  int num_outputs() const { return static_cast<int>(node_.output_dtypes.size()); }
  const Tensor& input(int i) const { return *inputs_[i]; }
  template <class R>
  R& resource(int i) const {
    return input(i).data<ResourceHandle>()->template as<R>();
  }

  // Every output must be set, by one of these.
  Tensor& allocate_output(int i, const Shape& shape) {
    outputs_[i] = Tensor(*session_.allocator, output_dtypes_[i], shape);
    return outputs_[i];
  }
  void set_output(int i, Tensor value) { outputs_[i] = std::move(value); }
  // The buffer of the first of `candidates` that is dead after this call, of the output's
  // dtype size and number of bytes, and nobody else's; fresh memory otherwise. The output may
  // then be the same memory as that input: the kernel must read element k before it writes k.
  Tensor& forward_or_allocate(int output, const Shape& shape,
                              std::initializer_list<int> candidates);
  bool can_forward(int input) const {
    return input < 64 && ((last_use_ >> input) & 1u) && inputs_[input]->is_writable_and_unique();
  }

  Tensor allocate_temp(DType dtype, const Shape& shape) const {
    return Tensor(*session_.allocator, dtype, shape);
  }
  // See ThreadPool::parallel_for.
  template <class Body>
  void parallel_for(int64_t n, double cost_ns, Body&& body) const {
    // Under this a hand-off costs more than it gains.
    if (static_cast<double>(n) * cost_ns < 20000.0 || session_.intra_pool->num_threads() == 1) {
      if (n > 0) body(int64_t{0}, n);
      return;
    }
    session_.intra_pool->parallel_for(n, cost_ns, body);
  }

 private:
  const NodeInfo& node_;
  const SessionState& session_;
  Tensor* const* inputs_;
  Tensor* outputs_;
  uint64_t last_use_;
  const DType* output_dtypes_;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void compute(KernelContext& ctx) = 0;
};

// A kernel without attributes or state of its own.
using ComputeFn = void (*)(KernelContext&);

class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(ComputeFn fn) : fn_(fn) {}
  void compute(KernelContext& ctx) override { fn_(ctx); }

 private:
  ComputeFn fn_;
};

}  // namespace penstock
