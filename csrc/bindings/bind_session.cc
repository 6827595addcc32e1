// `Session` and the handles of resources.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>

#include "bindings/bind.h"
#include "bindings/python_device.h"
#include "runtime/session.h"

namespace py = pybind11;

namespace penstock {
namespace {

std::shared_ptr<Session> make_session(int intra_op_threads, int inter_op_threads,
                                      bool deterministic, int64_t memory_limit, int cpus) {
  SessionOptions options;
  options.intra_op_threads = intra_op_threads;
  options.inter_op_threads = inter_op_threads;
  options.deterministic = deterministic;
  options.memory_limit = memory_limit;
  options.cpus = cpus;
  return std::make_shared<Session>(options);
}

void add_device(Session& session, const std::string& name, const py::object& device,
                const py::object& transfer) {
  session.add(std::make_unique<PythonDevice>(name, session.shared(), session.host().allocator(),
                                             device.ptr(), transfer.ptr()));
}

std::vector<std::pair<std::string, int64_t>> devices(Session& session) {
  std::vector<std::pair<std::string, int64_t>> list;
  for (const auto& device : session.devices()) {
    list.emplace_back(device->name(), device->incarnation());
  }
  return list;
}

std::map<std::string, int64_t> memory_stats(Session& session, const std::string& device) {
  const MemoryStats s = session.device(device).memory_stats();
  return {{"live", s.live},
          {"peak", s.peak},
          {"reserved", s.reserved},
          {"allocations", s.allocations},
          {"system_allocations", s.system_allocations}};
}

// (name, dtype, dims, block, bytes) of each initialised variable of a device.
py::list variables(Session& session, const std::string& name) {
  Device& device = session.device(name);
  py::list list;
  for (const auto& [variable_name, resource] : device.resources().snapshot()) {
    auto* variable = dynamic_cast<Variable*>(resource.get());
    if (!variable || !variable->is_initialized()) continue;
    const Tensor value = variable->read();
    py::tuple dims(static_cast<size_t>(value.rank()));
    for (int i = 0; i < value.rank(); ++i) dims[static_cast<size_t>(i)] = value.dim(i);
    const bool own = device.owns(*value.buffer().get());
    const MemoryBlock block = own ? device.block_of(value) : MemoryBlock();
    list.append(py::make_tuple(variable_name, static_cast<int>(value.dtype()), dims, block.number,
                               block.bytes));
  }
  return list;
}

int64_t trim_memory(Session& session) {
  int64_t bytes = 0;
  for (const auto& device : session.devices()) bytes += device->trim();
  return bytes;
}

}  // namespace

void bind_session(py::module_& m) {
  py::class_<ResourceHandle>(m, "ResourceHandle", "A fetched handle of a resource.")
      .def_property_readonly("name", &ResourceHandle::name);
  py::class_<Session, std::shared_ptr<Session>>(m, "Session",
                                                "What programs share: devices and thread pools.")
      .def(py::init(&make_session), py::arg("intra_op_threads") = 0,
           py::arg("inter_op_threads") = 0, py::arg("deterministic") = false,
           py::arg("memory_limit") = 0, py::arg("cpus") = 1)
      .def("add_device", &add_device, py::arg("name"), py::arg("device"), py::arg("transfer"))
      .def("devices", &devices)
      .def("close", &Session::close)
      .def_property_readonly("closed", &Session::closed)
      .def_property_readonly("intra_op_threads", &Session::intra_op_threads)
      .def_property_readonly("inter_op_threads", &Session::inter_op_threads)
      .def("cancel_all", &Session::cancel_all)
      .def("variable_names", &Session::variable_names)
      .def("variables", &variables, py::arg("device") = "")
      .def("memory_stats", &memory_stats, py::arg("device") = "")
      .def("trim_memory", &trim_memory)
      .def(
          "set_memory_limit",
          [](Session& session, int64_t bytes, const std::string& device) {
            session.device(device).set_memory_limit(bytes);
          },
          py::arg("bytes"), py::arg("device") = "")
      .def(
          "reset_peak",
          [](Session& session, const std::string& device) { session.device(device).reset_peak(); },
          py::arg("device") = "");
}

}  // namespace penstock
