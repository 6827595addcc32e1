// `Session` and the handles of resources.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>

#include "bindings/bind.h"
#include "runtime/session.h"

namespace py = pybind11;

namespace penstock {
namespace {

std::shared_ptr<Session> make_session(int intra_op_threads, int inter_op_threads,
                                      bool deterministic, int64_t memory_limit) {
  SessionOptions options;
  options.intra_op_threads = intra_op_threads;
  options.inter_op_threads = inter_op_threads;
  options.deterministic = deterministic;
  options.memory_limit = memory_limit;
  return std::make_shared<Session>(options);
}

std::map<std::string, int64_t> memory_stats(Session& session) {
  const MemoryStats s = session.allocator().stats();
  return {{"live", s.live},
          {"peak", s.peak},
          {"reserved", s.reserved},
          {"allocations", s.allocations},
          {"system_allocations", s.system_allocations}};
}

}  // namespace

void bind_session(py::module_& m) {
  py::class_<ResourceHandle>(m, "ResourceHandle", "A fetched handle of a resource.")
      .def_property_readonly("name", &ResourceHandle::name);
  py::class_<Session, std::shared_ptr<Session>>(
      m, "Session", "What programs share: resources, memory, thread pools.")
      .def(py::init(&make_session), py::arg("intra_op_threads") = 0,
           py::arg("inter_op_threads") = 0, py::arg("deterministic") = false,
           py::arg("memory_limit") = 0)
      .def("close", &Session::close)
      .def_property_readonly("closed", &Session::closed)
      .def_property_readonly("intra_op_threads", &Session::intra_op_threads)
      .def_property_readonly("inter_op_threads", &Session::inter_op_threads)
      .def("cancel_all", &Session::cancel_all)
      .def("variable_names", &Session::variable_names)
      .def("memory_stats", &memory_stats)
      .def("trim_memory", [](Session& session) { return session.allocator().trim(); })
      .def(
          "set_memory_limit",
          [](Session& session, int64_t bytes) { session.allocator().set_limit(bytes); },
          py::arg("bytes"))
      .def("reset_peak", [](Session& session) { session.allocator().reset_peak(); });
}

}  // namespace penstock
