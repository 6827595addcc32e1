// Variables: handles, reading, assigning, updating slices.
//
// A value once read never changes: Variable copies before it writes to a buffer that somebody
// else still holds. Every update runs under the variable's lock.
#include <mutex>
#include <string>

#include "core/arena.h"
#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/gather.h"
#include "cpu/register.h"
#include "cpu/scatter.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

// The handle of a variable, which is looked up (or made) once for each program.
class VarHandle final : public Kernel {
 public:
  explicit VarHandle(const NodeInfo& node) : dtype_(node.attr_dtype("dtype")) {
    const auto shared_name = node.attrs.get_or<std::string>("shared_name", "");
    const auto container = node.attrs.get_or<std::string>("container", "");
    name_ = shared_name.empty() ? node.name : shared_name;
    key_ = container.empty() ? name_ : container + "/" + name_;
  }

  void compute(KernelContext& ctx) override {
    std::call_once(once_, [&] { handle_ = find(*ctx.session().resources); });
    ctx.set_output(0, handle_);
  }

 private:
  Tensor find(ResourceContainer& resources) const {
    auto resource =
        resources.get_or_make(key_, [&] { return std::make_shared<Variable>(name_, dtype_); });
    ResourceHandle handle(name_, resource);
    const auto& variable = handle.as<Variable>();
    require(variable.dtype() == dtype_, "variable \"", name_, "\" already exists with dtype ",
            variable.dtype(), ", this node wants ", dtype_);
    Tensor tensor(host_allocator(), DType::kResource, {});
    *tensor.mutable_data<ResourceHandle>() = std::move(handle);
    return tensor;
  }

  DType dtype_;
  std::string name_, key_;
  std::once_flag once_;
  Tensor handle_;
};

// A variable without a name, which is gone when the step has dropped its handles.
class TemporaryVariable final : public Kernel {
 public:
  explicit TemporaryVariable(const NodeInfo& node) : dtype_(node.attr_dtype("dtype")) {}

  void compute(KernelContext& ctx) override {
    const std::string& name = ctx.node().name;
    ResourceHandle handle(name, std::make_shared<Variable>(name, dtype_));
    *ctx.allocate_output(0, {}).mutable_data<ResourceHandle>() = std::move(handle);
  }

 private:
  DType dtype_;
};

void compute_is_initialized(KernelContext& ctx) {
  const bool yes = ctx.resource<Variable>(0).is_initialized();
  *ctx.allocate_output(0, {}).mutable_data<bool>() = yes;
}

void compute_read(KernelContext& ctx) {
  Tensor value = ctx.resource<Variable>(0).read();
  require(value.dtype() == ctx.node().output_dtypes[0], "the variable holds ", value.dtype(),
          ", but is read as ", ctx.node().output_dtypes[0]);
  ctx.set_output(0, std::move(value));
}

void compute_variable_shape(KernelContext& ctx) {
  const Shape shape = ctx.resource<Variable>(0).read().shape();
  Tensor& out = ctx.allocate_output(0, {shape.rank()});
  for (int d = 0; d < shape.rank(); ++d) {
    if (out.dtype() == DType::kInt64) {
      out.mutable_data<int64_t>()[d] = shape[d];
    } else {
      require(shape[d] <= INT32_MAX, "the size ", shape[d], " does not fit in int32");
      out.mutable_data<int32_t>()[d] = static_cast<int32_t>(shape[d]);
    }
  }
}

// A value that the variable may keep and later write to: the input itself if nobody else will
// see it, it is not lent, and it does not hold on to much more memory than it uses, a copy
// otherwise. A value in the memory of an accelerator stays what it is: its kernels never write
// into their inputs.
Tensor owned(const KernelContext& ctx, int input) {
  const Tensor& value = ctx.input(input);
  if (!value.raw()) return value;
  const Buffer& buffer = *value.buffer().get();
  const bool small = buffer.bytes <= 2 * value.bytes() + 64;
  if (small && ctx.can_forward(input) && !Arena::lent(buffer)) return value;
  Tensor copy = ctx.allocate_temp(value.dtype(), value.shape());
  copy_elements(ctx, value.dtype(), copy.raw(), value.raw(), value.num_elements());
  return copy;
}

class Assign final : public Kernel {
 public:
  explicit Assign(const NodeInfo& node)
      : validate_shape_(node.attrs.get_or<bool>("validate_shape", false)),
        declared_(node.attrs.get_or<PartialShape>("_declared", PartialShape{true, {}})) {}

  void compute(KernelContext& ctx) override {
    auto& variable = ctx.resource<Variable>(0);
    const Tensor& value = ctx.input(1);
    if (validate_shape_) {
      const bool first = !variable.is_initialized();
      const Shape shape = first ? value.shape() : variable.read().shape();
      const bool fits = first ? declared_.allows(shape) : shape == value.shape();
      require(fits, "cannot assign a value of shape ", value.shape(), " to variable \"",
              variable.name(), "\" of shape ", first ? declared_.to_string() : shape.to_string());
    }
    variable.assign(owned(ctx, 1));
  }

 private:
  bool validate_shape_;
  PartialShape declared_;  // of a reference variable; a handle's may be anything
};

void check_dtype(const Variable& variable, DType dtype) {
  require(variable.dtype() == dtype, "variable \"", variable.name(), "\" holds ", variable.dtype(),
          ", got a value of ", dtype);
}

const ZipLoops* vector_loops(const ZipByType& by_type, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return &by_type.f32;
    case DType::kFloat64:
      return &by_type.f64;
    case DType::kInt32:
      return &by_type.i32;
    case DType::kInt64:
      return &by_type.i64;
    default:
      return nullptr;
  }
}

// value = value + x, or value - x.
template <Combine combine>
void compute_assign_update(KernelContext& ctx) {
  auto& variable = ctx.resource<Variable>(0);
  const Tensor& x = ctx.input(1);
  check_dtype(variable, x.dtype());
  const auto& loops = vector_table().binary;
  const ZipLoops* zip = vector_loops(combine == Combine::kAdd ? loops.add : loops.sub, x.dtype());
  variable.update(*ctx.session().allocator, [&](Tensor& value) {
    require(value.shape() == x.shape(), "variable \"", variable.name(), "\" has shape ",
            value.shape(), ", the update has shape ", x.shape(), ": they must be the same");
    if (zip == nullptr) {
      scatter_rows(ctx, combine, value, value.num_elements(), {0}, x);
      return;
    }
    ctx.parallel_for(value.num_elements(), 0.4, [&](int64_t begin, int64_t end) {
      void* to = element_at(value.raw(), x.dtype(), begin);
      zip->both(to, element_at(x.raw(), x.dtype(), begin), to, end - begin);
    });
  });
}

class ResourceGather final : public Kernel {
 public:
  explicit ResourceGather(const NodeInfo& node)
      : batch_dims_(node.attrs.get_or<int64_t>("batch_dims", 0)) {}

  void compute(KernelContext& ctx) override {
    const auto& variable = ctx.resource<Variable>(0);
    check_dtype(variable, ctx.node().output_dtypes[0]);
    const Tensor params = variable.read(), indices = ctx.input(1);
    require(params.rank() > 0, "variable \"", variable.name(), "\" is a scalar: nothing to gather");
    require(batch_dims_ >= 0 && batch_dims_ <= indices.rank() && batch_dims_ < params.rank(),
            "batch_dims ", batch_dims_, " is out of range for shapes ", params.shape(), " and ",
            indices.shape());
    const int batch_dims = static_cast<int>(batch_dims_);
    ctx.set_output(0, gather(ctx, params, indices, batch_dims, batch_dims));
  }

 private:
  int64_t batch_dims_;
};

void compute_resource_gather_nd(KernelContext& ctx) {
  const auto& variable = ctx.resource<Variable>(0);
  check_dtype(variable, ctx.node().output_dtypes[0]);
  ctx.set_output(0, gather_nd(ctx, variable.read(), ctx.input(1)));
}

template <Combine combine>
void compute_resource_scatter(KernelContext& ctx) {
  auto& variable = ctx.resource<Variable>(0);
  const Tensor& indices = ctx.input(1);
  const Tensor& updates = ctx.input(2);
  check_dtype(variable, updates.dtype());
  variable.update(*ctx.session().allocator, [&](Tensor& value) {
    require(value.rank() > 0, "variable \"", variable.name(), "\" is a scalar: it has no slices");
    const Shape tail(value.shape().dims() + 1, value.rank() - 1);
    check_updates(indices.shape(), tail, updates, true);
    scatter_rows(ctx, combine, value, tail.num_elements(), checked_indices(indices, value.dim(0)),
                 updates);
  });
}

template <Combine combine>
void compute_resource_scatter_nd(KernelContext& ctx) {
  auto& variable = ctx.resource<Variable>(0);
  const Tensor& indices = ctx.input(1);
  const Tensor& updates = ctx.input(2);
  check_dtype(variable, updates.dtype());
  variable.update(*ctx.session().allocator, [&](Tensor& value) {
    const auto rows = flat_positions(indices, value.shape());
    const int lead = indices.rank() - 1, depth = static_cast<int>(indices.dim(lead));
    const Shape tail(value.shape().dims() + depth, value.rank() - depth);
    check_updates(Shape(indices.shape().dims(), lead), tail, updates, false);
    scatter_rows(ctx, combine, value, tail.num_elements(), rows, updates);
  });
}

// The value before it is raised by one; OutOfRange at the limit.
class CountUpTo final : public Kernel {
 public:
  explicit CountUpTo(const NodeInfo& node) : limit_(node.attrs.get<int64_t>("limit")) {}

  void compute(KernelContext& ctx) override {
    auto& variable = ctx.resource<Variable>(0);
    Tensor& out = ctx.allocate_output(0, {});
    check_dtype(variable, out.dtype());
    variable.update(*ctx.session().allocator, [&](Tensor& value) {
      require(value.is_scalar(), "variable \"", variable.name(), "\" must be a scalar to count, ",
              "its shape is ", value.shape());
      if (int_at(value, 0) >= limit_) fail(Code::kOutOfRange, "Reached limit of ", limit_);
      copy_block(out.dtype(), out.raw(), value.raw(), 1);
      if (out.dtype() == DType::kInt64) {
        ++*value.mutable_data<int64_t>();
      } else {
        ++*value.mutable_data<int32_t>();
      }
    });
  }

 private:
  int64_t limit_;
};

// The variable loses its value; handles to it stay usable and may assign a new one.
class Destroy final : public Kernel {
 public:
  explicit Destroy(const NodeInfo& node)
      : ignore_missing_(node.attrs.get_or<bool>("ignore_lookup_error", true)) {}

  void compute(KernelContext& ctx) override {
    auto& variable = ctx.resource<Variable>(0);
    std::lock_guard<std::mutex> lock(variable.mutex());
    if (!ignore_missing_ && !variable.value().has_value()) {
      fail(Code::kNotFound, "variable \"", variable.name(), "\" does not exist");
    }
    variable.value().reset();
  }

 private:
  bool ignore_missing_;
};

void register_slices(KernelRegistry& r) {
  const TypeConstraints numbers{{"dtype", kNumber}}, reals{{"dtype", kReal}};
  r.add("ResourceGather", kCpu, {}, make<ResourceGather>);
  r.add("ResourceGatherNd", kCpu, {}, function<compute_resource_gather_nd>);
  r.add("ResourceScatterUpdate", kCpu, {}, function<compute_resource_scatter<Combine::kUpdate>>);
  r.add("ResourceScatterAdd", kCpu, numbers, function<compute_resource_scatter<Combine::kAdd>>);
  r.add("ResourceScatterSub", kCpu, numbers, function<compute_resource_scatter<Combine::kSub>>);
  r.add("ResourceScatterMul", kCpu, numbers, function<compute_resource_scatter<Combine::kMul>>);
  r.add("ResourceScatterDiv", kCpu, numbers, function<compute_resource_scatter<Combine::kDiv>>);
  r.add("ResourceScatterMin", kCpu, reals, function<compute_resource_scatter<Combine::kMin>>);
  r.add("ResourceScatterMax", kCpu, reals, function<compute_resource_scatter<Combine::kMax>>);
  r.add("ResourceScatterNdUpdate", kCpu, {},
        function<compute_resource_scatter_nd<Combine::kUpdate>>);
  const TypeConstraints nd_numbers{{"T", kNumber}};
  r.add("ResourceScatterNdAdd", kCpu, nd_numbers,
        function<compute_resource_scatter_nd<Combine::kAdd>>);
  r.add("ResourceScatterNdSub", kCpu, nd_numbers,
        function<compute_resource_scatter_nd<Combine::kSub>>);
}

}  // namespace

void register_state(KernelRegistry& r) {
  const TypeConstraints numbers{{"dtype", kNumber}};
  r.add("VarHandleOp", kCpu, {}, make<VarHandle>, Cost::kTrivial);
  r.add("TemporaryVariable", kCpu, {}, make<TemporaryVariable>, Cost::kTrivial);
  r.add("VarIsInitializedOp", kCpu, {}, function<compute_is_initialized>, Cost::kTrivial);
  r.add("ReadVariableOp", kCpu, {}, function<compute_read>, Cost::kTrivial);
  r.add("VariableShape", kCpu, {}, function<compute_variable_shape>, Cost::kTrivial);
  r.add("AssignVariableOp", kCpu, {}, make<Assign>);
  r.add("AssignAddVariableOp", kCpu, numbers, function<compute_assign_update<Combine::kAdd>>);
  r.add("AssignSubVariableOp", kCpu, numbers, function<compute_assign_update<Combine::kSub>>);
  r.add("ResourceCountUpTo", kCpu, {{"T", kIndex}}, make<CountUpTo>, Cost::kTrivial);
  r.add("DestroyResourceOp", kCpu, {}, make<Destroy>, Cost::kTrivial);
  register_slices(r);
}

}  // namespace penstock
