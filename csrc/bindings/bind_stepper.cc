// `Stepper`: one run of a program, driven from Python node by node.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings/bind.h"
#include "bindings/native_program.h"
#include "bindings/to_numpy.h"
#include "bindings/to_tensor.h"
#include "runtime/stepper.h"

namespace py = pybind11;

namespace penstock {
namespace {

const char* name_of(NodeState state) {
  switch (state) {
    case NodeState::kWaiting:
      return "waiting";
    case NodeState::kReady:
      return "ready";
    case NodeState::kDone:
      return "done";
    case NodeState::kFailed:
      return "failed";
  }
  return "";
}

// The stepper and what must outlive it.
class NativeStepper {
 public:
  NativeStepper(NativeProgram& program, py::object owner, const py::sequence& values, bool keep)
      : owner_(std::move(owner)),
        session_(*program.session),
        partitions_(program.executor.partitions()) {
    const std::vector<FeedInfo>& wanted = partitions_.host().feeds;
    std::vector<Tensor> feeds;
    for (size_t i = 0; i < values.size() && i < wanted.size(); ++i) {
      feeds.push_back(tensor_of_feed(py::object(values[i]).ptr(), wanted[i],
                                     program.session->host().allocator()));
    }
    stepper_ = std::make_unique<Stepper>(partitions_, std::move(feeds), keep);
  }

  std::vector<std::tuple<std::string, std::string, std::string>> nodes() const {
    std::vector<std::tuple<std::string, std::string, std::string>> list;
    for (int32_t i = 0; i < partitions_.num_nodes(); ++i) {
      const NodeInfo& node = *partitions_.node(i).info;
      const size_t p = static_cast<size_t>(partitions_.program_of(i));
      list.emplace_back(node.name, node.op, partitions_.program(p).device->name());
    }
    return list;
  }

  std::vector<std::string> states() const {
    std::vector<std::string> list;
    for (int32_t i = 0; i < partitions_.num_nodes(); ++i)
      list.push_back(name_of(stepper_->state(i)));
    return list;
  }

  // A node that runs would bring variables back that `close` let go of.
  void run(int32_t node) {
    if (session_.closed()) fail(Code::kFailedPrecondition, "the session of this run is closed");
    const py::gil_scoped_release released;
    stepper_->run(node);
  }

  std::vector<int32_t> ready() const { return stepper_->ready(); }
  std::vector<int32_t> waits_for(int32_t node) const {
    check(node);
    return stepper_->waits_for(node);
  }
  bool finished() const { return stepper_->finished(); }

  py::object value(int32_t node, int output) {
    check(node);
    return object(stepper_->value(node, output));
  }
  py::object value_of_name(const std::string& name) {
    return object(stepper_->value_of_name(name));
  }

  py::list fetches() {
    py::list list;
    for (const Tensor& tensor : stepper_->fetches()) list.append(object(tensor));
    return list;
  }

 private:
  void check(int32_t node) const {
    require(node >= 0 && node < partitions_.num_nodes(), "there is no node ", node);
  }
  static py::object object(const std::optional<Tensor>& tensor) {
    if (!tensor) return py::none();
    PyObject* made = object_of_tensor(*tensor);
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
  }

  py::object owner_;  // the program, which keeps its session
  Session& session_;
  const Partitions& partitions_;
  std::unique_ptr<Stepper> stepper_;
};

}  // namespace

void bind_stepper(py::module_& m) {
  py::class_<NativeStepper>(m, "Stepper", "One run, node by node.")
      .def(py::init([](const py::object& program, const py::sequence& values, bool keep) {
             return std::make_unique<NativeStepper>(program.cast<NativeProgram&>(), program, values,
                                                    keep);
           }),
           py::arg("program"), py::arg("values"), py::arg("keep") = false)
      .def("nodes", &NativeStepper::nodes)
      .def("states", &NativeStepper::states)
      .def("ready", &NativeStepper::ready)
      .def("waits_for", &NativeStepper::waits_for, py::arg("node"))
      .def("run", &NativeStepper::run, py::arg("node"))
      .def_property_readonly("finished", &NativeStepper::finished)
      .def("value", &NativeStepper::value, py::arg("node"), py::arg("output"))
      .def("value_of_name", &NativeStepper::value_of_name, py::arg("name"))
      .def("fetches", &NativeStepper::fetches);
}

}  // namespace penstock
