// `ProgramBuilder`: the border over which a partition reaches the runtime.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings/bind.h"
#include "bindings/from_python.h"
#include "bindings/native_program.h"

namespace py = pybind11;

namespace penstock {
namespace {

struct NativeBuilder {
  explicit NativeBuilder(std::shared_ptr<Session> s)
      : session(std::move(s)), builder(kernel_registry(), session->state()) {}

  // The text of a message about attributes has to name the node, as all others do.
  Attrs convert(const std::string& name, const std::string& op, const std::string& device,
                const py::dict& attrs) {
    try {
      return attrs_of_dict(attrs, session->allocator());
    } catch (const Error&) {
      NodeInfo node;
      node.name = name;
      node.op = op;
      node.device = device;
      throw current_error(node);
    }
  }

  int add_node(std::string name, std::string op, std::string device,
               const std::vector<int32_t>& inputs, std::vector<int32_t> control_inputs,
               const py::dict& attrs, const std::vector<int32_t>& output_dtypes) {
    std::vector<Endpoint> endpoints;
    for (size_t i = 0; i + 1 < inputs.size(); i += 2) {
      endpoints.push_back(Endpoint{inputs[i], inputs[i + 1]});
    }
    std::vector<DType> dtypes;
    for (int32_t number : output_dtypes) dtypes.push_back(static_cast<DType>(number));
    Attrs converted = convert(name, op, device, attrs);
    return builder.add_node(std::move(name), std::move(op), std::move(device), std::move(endpoints),
                            std::move(control_inputs), std::move(converted), std::move(dtypes));
  }

  std::unique_ptr<NativeProgram> build() {
    return std::make_unique<NativeProgram>(session, builder.build());
  }

  std::shared_ptr<Session> session;
  ProgramBuilder builder;
};

}  // namespace

void bind_builder(py::module_& m) {
  py::class_<NativeBuilder>(m, "ProgramBuilder", "Builds one program, node by node.")
      .def(py::init<std::shared_ptr<Session>>(), py::arg("session"))
      .def("add_node", &NativeBuilder::add_node, py::arg("name"), py::arg("op"), py::arg("device"),
           py::arg("inputs"), py::arg("control_inputs"), py::arg("attrs"), py::arg("output_dtypes"))
      .def("build", &NativeBuilder::build);
}

}  // namespace penstock
