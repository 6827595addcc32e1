// The call of a Python kernel, and `DeviceVariable`, by which it reaches the state of its device.
#include "bindings/python_kernel.h"

#include <utility>

#include "bindings/bind.h"
#include "bindings/python_error.h"
#include "bindings/to_tensor.h"

namespace py = pybind11;

namespace penstock {
namespace {

// A variable whose value lies in the memory of a device.
class DeviceVariable {
 public:
  DeviceVariable(ResourceHandle handle, PythonDevice* device)
      : handle_(std::move(handle)), device_(device) {}

  std::string name() const { return handle_.name(); }
  bool is_initialized() const { return variable().is_initialized(); }
  py::object read() const {
    return py::reinterpret_borrow<py::object>(device_->array_of(variable().read()));
  }
  // Whether a tensor besides the variable holds the value; views of it count as arrays only.
  bool is_shared() const {
    const Tensor value = variable().read();
    return value.buffer()->refs.load(std::memory_order_acquire) > 2;
  }
  void assign(const py::object& array) const {
    Variable& v = variable();
    v.assign(device_->wrap(array.ptr(), v.dtype()));
  }

 private:
  Variable& variable() const { return handle_.as<Variable>(); }

  ResourceHandle handle_;
  PythonDevice* device_;  // lives as long as the session, which runs the kernel that has this
};

class PythonKernel final : public Kernel {
 public:
  PythonKernel(PyObject* compute, PythonDevice& device, std::vector<bool> host_inputs,
               std::vector<bool> host_outputs)
      : compute_(compute),
        device_(device),
        host_inputs_(std::move(host_inputs)),
        host_outputs_(std::move(host_outputs)) {
    Py_INCREF(compute);
  }
  ~PythonKernel() override { drop_reference(compute_); }

  void compute(KernelContext& ctx) override {
    const py::gil_scoped_acquire lock;
    drop_pending_references();
    std::vector<py::object> inputs;
    std::vector<PyObject*> pointers;
    for (int i = 0; i < ctx.num_inputs(); ++i) {
      inputs.push_back(argument(ctx.input(i), host_inputs_[static_cast<size_t>(i)]));
      pointers.push_back(inputs.back().ptr());
    }
    const PyRef result(PyObject_Vectorcall(compute_, pointers.data(), pointers.size(), nullptr));
    if (!result) throw_kernel_error();
    take(result.get(), ctx);
  }

 private:
  py::object argument(const Tensor& value, bool on_host) const {
    if (value.dtype() == DType::kResource) {
      return py::cast(DeviceVariable(*value.data<ResourceHandle>(), &device_));
    }
    if (!on_host) return py::reinterpret_borrow<py::object>(device_.array_of(value));
    return py::reinterpret_steal<py::object>(view_of_tensor(value).release());
  }

  void take(PyObject* result, KernelContext& ctx) const {
    const int n = ctx.num_outputs();
    if (n == 1) {
      ctx.set_output(0, output(result, 0, ctx));
    } else if (n > 1) {
      const PyRef all(PySequence_Fast(result, "a kernel with several outputs returns a sequence"));
      if (!all) throw_kernel_error();
      invariant(PySequence_Fast_GET_SIZE(all.get()) == n, "the kernel returned ",
                PySequence_Fast_GET_SIZE(all.get()), " values, not ", n);
      for (int i = 0; i < n; ++i) {
        ctx.set_output(i, output(PySequence_Fast_GET_ITEM(all.get(), i), i, ctx));
      }
    }
  }

  Tensor output(PyObject* value, int i, KernelContext& ctx) const {
    const DType dtype = ctx.node().output_dtypes[static_cast<size_t>(i)];
    if (!host_outputs_[static_cast<size_t>(i)]) return device_.wrap(value, dtype);
    return tensor_of_host_array(value, dtype, *ctx.session().allocator);
  }

  PyObject* const compute_;
  PythonDevice& device_;
  const std::vector<bool> host_inputs_;
  const std::vector<bool> host_outputs_;
};

}  // namespace

std::unique_ptr<Kernel> make_python_kernel(const py::object& compute, PythonDevice& device,
                                           std::vector<bool> host_inputs,
                                           std::vector<bool> host_outputs) {
  return std::make_unique<PythonKernel>(compute.ptr(), device, std::move(host_inputs),
                                        std::move(host_outputs));
}

void bind_kernels(py::module_& m) {
  py::class_<DeviceVariable>(m, "DeviceVariable", "A variable, as kernels of its device see it.")
      .def_property_readonly("name", &DeviceVariable::name)
      .def_property_readonly("is_initialized", &DeviceVariable::is_initialized)
      .def_property_readonly("is_shared", &DeviceVariable::is_shared)
      .def("read", &DeviceVariable::read)
      .def("assign", &DeviceVariable::assign, py::arg("array"));
}

}  // namespace penstock
