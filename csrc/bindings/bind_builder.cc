// `ProgramBuilder`: the border over which partitions reach the runtime.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings/bind.h"
#include "bindings/from_python.h"
#include "bindings/native_program.h"
#include "bindings/python_device.h"
#include "bindings/python_kernel.h"

namespace py = pybind11;

namespace penstock {
namespace {

struct NativeBuilder {
  explicit NativeBuilder(std::shared_ptr<Session> s) : session(std::move(s)) {}

  void begin(const std::string& device) {
    on = &session->device(device);
    builders.push_back(std::make_unique<ProgramBuilder>(kernel_registry(), *on, channels));
  }

  // The text of a message about attributes has to name the node, as all others do.
  Attrs convert(const std::string& name, const std::string& op, const std::string& device,
                const py::dict& attrs) {
    try {
      return attrs_of_dict(attrs, *on->state().allocator);
    } catch (const Error&) {
      NodeInfo node;
      node.name = name;
      node.op = op;
      node.device = device;
      throw current_error(node);
    }
  }

  int add(std::string name, std::string op, std::string device, const std::vector<int32_t>& inputs,
          std::vector<int32_t> control_inputs, Attrs attrs,
          const std::vector<int32_t>& output_dtypes, const KernelMaker& maker) {
    std::vector<Endpoint> endpoints;
    for (size_t i = 0; i + 1 < inputs.size(); i += 2) {
      endpoints.push_back(Endpoint{inputs[i], inputs[i + 1]});
    }
    std::vector<DType> dtypes;
    for (int32_t number : output_dtypes) dtypes.push_back(static_cast<DType>(number));
    return builders.back()->add_node(std::move(name), std::move(op), std::move(device),
                                     std::move(endpoints), std::move(control_inputs),
                                     std::move(attrs), std::move(dtypes), maker);
  }

  int add_node(std::string name, std::string op, std::string device,
               const std::vector<int32_t>& inputs, std::vector<int32_t> control_inputs,
               const py::dict& attrs, const std::vector<int32_t>& output_dtypes) {
    if (builders.empty()) begin("");
    Attrs converted = convert(name, op, device, attrs);
    return add(std::move(name), std::move(op), std::move(device), inputs, std::move(control_inputs),
               std::move(converted), output_dtypes, nullptr);
  }

  int add_kernel(std::string name, std::string op, std::string device,
                 const std::vector<int32_t>& inputs, std::vector<int32_t> control_inputs,
                 const std::vector<int32_t>& output_dtypes, const py::object& compute,
                 const std::vector<bool>& host_inputs, const std::vector<bool>& host_outputs) {
    auto* python = dynamic_cast<PythonDevice*>(on);
    return add(std::move(name), std::move(op), std::move(device), inputs, std::move(control_inputs),
               Attrs(), output_dtypes, [&](const NodeInfo&) {
                 invariant(python != nullptr, "a Python kernel on ", on->name());
                 return make_python_kernel(compute, *python, host_inputs, host_outputs);
               });
  }

  // `places` has (node, output, offset, bytes) of each output, one after the other.
  void plan_memory(const std::vector<int64_t>& places, int64_t bytes) {
    invariant(!builders.empty(), "memory is planned before its device begins");
    std::vector<PlannedOutput> outputs;
    for (size_t i = 0; i + 3 < places.size(); i += 4) {
      outputs.push_back({static_cast<int32_t>(places[i]), static_cast<int32_t>(places[i + 1]),
                         places[i + 2], places[i + 3]});
    }
    builders.back()->plan_memory(outputs, bytes);
  }

  void set_budget(int64_t bytes, int64_t planned) {
    if (builders.empty()) begin("");
    builders.back()->set_budget({bytes, planned});
  }

  std::unique_ptr<NativeProgram> build() {
    if (builders.empty()) begin("");
    std::vector<std::unique_ptr<Program>> programs;
    for (auto& builder : builders) programs.push_back(builder->build());
    return std::make_unique<NativeProgram>(session,
                                           Partitions(std::move(programs), channels.size()));
  }

  std::shared_ptr<Session> session;
  ChannelTable channels;
  Device* on = nullptr;  // where the nodes go that are added now
  std::vector<std::unique_ptr<ProgramBuilder>> builders;
};

}  // namespace

void bind_builder(py::module_& m) {
  py::class_<NativeBuilder>(m, "ProgramBuilder", "Builds what runs as one step, node by node.")
      .def(py::init<std::shared_ptr<Session>>(), py::arg("session"))
      .def("begin", &NativeBuilder::begin, py::arg("device"))
      .def("add_node", &NativeBuilder::add_node, py::arg("name"), py::arg("op"), py::arg("device"),
           py::arg("inputs"), py::arg("control_inputs"), py::arg("attrs"), py::arg("output_dtypes"))
      .def("add_kernel", &NativeBuilder::add_kernel, py::arg("name"), py::arg("op"),
           py::arg("device"), py::arg("inputs"), py::arg("control_inputs"),
           py::arg("output_dtypes"), py::arg("compute"), py::arg("host_inputs"),
           py::arg("host_outputs"))
      .def("plan_memory", &NativeBuilder::plan_memory, py::arg("places"), py::arg("bytes"))
      .def("set_budget", &NativeBuilder::set_budget, py::arg("bytes"), py::arg("planned"))
      .def("build", &NativeBuilder::build);
}

}  // namespace penstock
