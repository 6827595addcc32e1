// `Program`: feeds in, the nodes run, fetches out.
//
// `run` and `call` are raw method descriptors, because pybind11's dispatcher would cost more
// than a small program. The interpreter lock is released while nodes run, unless the program
// was measured to take less time than releasing it would: then nothing in it waits.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "bindings/bind.h"
#include "bindings/native_program.h"
#include "bindings/python_error.h"
#include "bindings/to_numpy.h"
#include "bindings/to_tensor.h"
#include "bindings/trace_to_python.h"
#include "runtime/memory_report.h"

namespace py = pybind11;

namespace penstock {
namespace {

constexpr double kTinyNs = 5000.0;   // an inline run shorter than this keeps the lock
constexpr size_t kTinyFeed = 16384;  // bytes of one feed, which the measured runs may not have had

// Ctrl-C: runs Python's signal handlers; the error they raise stays set on this thread.
bool signal_raised() {
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool raised = PyErr_CheckSignals() != 0;
  PyGILState_Release(state);
  return raised;
}

// A few tensors, without an allocation when they are really few.
class TensorArray {
 public:
  explicit TensorArray(size_t n) : many_(n > few_.size() ? n : 0) {
    data_ = many_.empty() ? few_.data() : many_.data();
  }
  TensorArray(const TensorArray&) = delete;
  Tensor& operator[](size_t i) { return data_[i]; }
  Tensor* data() { return data_; }

 private:
  std::array<Tensor, 4> few_;
  std::vector<Tensor> many_;
  Tensor* data_;
};

// Holds back the interpreter lock for as long as it lives, if `on`.
class ReleasedLock {
 public:
  explicit ReleasedLock(bool on) : state_(on ? PyEval_SaveThread() : nullptr) {}
  ~ReleasedLock() {
    if (state_) PyEval_RestoreThread(state_);
  }
  ReleasedLock(const ReleasedLock&) = delete;

 private:
  PyThreadState* state_;
};

void check_callable(const NativeProgram& program, size_t values) {
  if (program.session->closed()) {
    throw RunError(Code::kFailedPrecondition, "the session of this program is closed");
  }
  const size_t feeds = program.executor.host().feeds.size();
  require(values == feeds, "the program takes ", feeds, " values, got ", values);
}

// The value of feed i; when its copy finds no memory, the error says who holds it.
Tensor feed_of(PyObject* value, const NativeProgram& program, size_t i, Allocator& allocator) {
  const Partitions& partitions = program.executor.partitions();
  const FeedInfo& feed = partitions.host().feeds[i];
  try {
    return tensor_of_feed(value, feed, allocator, program.session.get());
  } catch (const Error& error) {
    if (error.code() != Code::kResourceExhausted) throw;
    RunError explained(error.code(), error.text());
    explained.node_name = feed.name;
    explained.details = describe_memory(partitions, nullptr, "");
    throw explained;
  }
}

PyObject* run_program(NativeProgram& program, PyObject* const* values, size_t num_values,
                      int64_t timeout_ms, RunStats* stats, Trace* trace = nullptr) {
  check_callable(program, num_values);
  const Program& p = program.executor.host();
  Allocator& allocator = program.session->host().allocator();
  TensorArray feeds(num_values);
  TensorArray fetches(p.fetch_slots.size());
  bool tiny =
      timeout_ms == 0 && program.executor.work_ns() > 0 && program.executor.work_ns() < kTinyNs;
  for (size_t i = 0; i < num_values; ++i) {
    feeds[i] = feed_of(values[i], program, i, allocator);
    tiny = tiny && feeds[i].buffer()->bytes <= kTinyFeed;
  }
  RunOptions options;
  options.timeout_ms = timeout_ms;
  options.interrupted = signal_raised;
  options.trace = trace;
  {
    const ReleasedLock released(!tiny);
    program.executor.run(feeds.data(), fetches.data(), options, stats);
  }
  drop_pending_references();
  PyRef results(PyList_New(static_cast<Py_ssize_t>(p.fetch_slots.size())));
  if (!results) return nullptr;
  for (size_t i = 0; i < p.fetch_slots.size(); ++i) {
    PyObject* value = object_of_tensor(std::move(fetches[i]));
    if (!value) return nullptr;
    PyList_SET_ITEM(results.get(), static_cast<Py_ssize_t>(i), value);
  }
  return results.release();
}

// The object behind a Program; the method descriptor has checked its type.
NativeProgram* program_of(PyObject* self) {
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  if (instance->simple_layout && instance->simple_value_holder[0]) {
    return static_cast<NativeProgram*>(instance->simple_value_holder[0]);
  }
  return py::cast<NativeProgram*>(py::handle(self));
}

PyObject* program_call(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  try {
    return run_program(*program_of(self), args, static_cast<size_t>(nargs), 0, nullptr);
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyObject* program_run(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 1 || nargs > 2) {
    PyErr_SetString(PyExc_TypeError, "run(values, timeout_ms=0) takes one or two arguments");
    return nullptr;
  }
  const long long timeout_ms = nargs == 2 ? PyLong_AsLongLong(args[1]) : 0;
  if (PyErr_Occurred()) return nullptr;
  const PyRef values(PySequence_Fast(args[0], "run() takes a sequence of values"));
  if (!values) return nullptr;
  try {
    return run_program(*program_of(self), PySequence_Fast_ITEMS(values.get()),
                       static_cast<size_t>(PySequence_Fast_GET_SIZE(values.get())), timeout_ms,
                       nullptr);
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

const char* mode_name(Mode mode) { return mode == Mode::kParallel ? "parallel" : "inline"; }

py::tuple run_with_stats(NativeProgram& program, const py::sequence& values, int64_t timeout_ms) {
  const PyRef fast(PySequence_Fast(values.ptr(), "run_with_stats() takes a sequence of values"));
  if (!fast) throw py::error_already_set();
  RunStats stats;
  PyObject* results =
      run_program(program, PySequence_Fast_ITEMS(fast.get()),
                  static_cast<size_t>(PySequence_Fast_GET_SIZE(fast.get())), timeout_ms, &stats);
  if (!results) throw py::error_already_set();
  py::list devices;
  const Partitions& partitions = program.executor.partitions();
  for (size_t p = 0; p < stats.devices.size(); ++p) {
    const DeviceRunStats& device = stats.devices[p];
    devices.append(py::make_tuple(partitions.program(p).device->name(), device.live_before,
                                  device.live_after, device.peak, device.allocations,
                                  device.share_peak));
  }
  return py::make_tuple(py::reinterpret_steal<py::list>(results), devices, mode_name(stats.mode));
}

py::tuple run_logged(NativeProgram& program, const py::sequence& values, int64_t timeout_ms) {
  const PyRef fast(PySequence_Fast(values.ptr(), "run_logged() takes a sequence of values"));
  if (!fast) throw py::error_already_set();
  const Partitions& partitions = program.executor.partitions();
  MemoryLog log(partitions);
  Trace trace(partitions, true, &log);
  PyObject* results = run_program(program, PySequence_Fast_ITEMS(fast.get()),
                                  static_cast<size_t>(PySequence_Fast_GET_SIZE(fast.get())),
                                  timeout_ms, nullptr, &trace);
  if (!results) throw py::error_already_set();
  py::list fetches = py::reinterpret_steal<py::list>(results);
  return py::make_tuple(fetches, object_of_log(log, partitions));
}

// What was recorded is appended to `recorded` when the run fails, too.
py::list run_traced(NativeProgram& program, const py::sequence& values, int64_t timeout_ms,
                    bool full, py::list recorded) {
  const PyRef fast(PySequence_Fast(values.ptr(), "run_traced() takes a sequence of values"));
  if (!fast) throw py::error_already_set();
  Trace trace(program.executor.partitions(), full);
  const auto record = [&] {
    const py::error_scope pending;  // an interrupted run has left its exception set
    trace.finish();
    for (const py::handle device : object_of_trace(trace)) recorded.append(device);
  };
  PyObject* results = nullptr;
  try {
    results = run_program(program, PySequence_Fast_ITEMS(fast.get()),
                          static_cast<size_t>(PySequence_Fast_GET_SIZE(fast.get())), timeout_ms,
                          nullptr, &trace);
  } catch (...) {
    record();
    throw;
  }
  if (!results) throw py::error_already_set();
  py::list fetches = py::reinterpret_steal<py::list>(results);
  record();
  return fetches;
}

void add_method(py::class_<NativeProgram>& type, PyMethodDef& method) {
  PyObject* descriptor = PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &method);
  if (!descriptor) throw py::error_already_set();
  type.attr(method.ml_name) = py::reinterpret_steal<py::object>(descriptor);
}

PyMethodDef run_method = {
    "run", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(program_run)), METH_FASTCALL,
    "run(values, timeout_ms=0): run once, with values in feed order; the list of fetches."};
PyMethodDef call_method = {
    "call", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(program_call)),
    METH_FASTCALL, "call(*values): run once; the list of fetches."};

}  // namespace

void bind_program(py::module_& m) {
  py::class_<NativeProgram> type(m, "Program", "A program that is ready to run.");
  add_method(type, run_method);
  add_method(type, call_method);
  type.def("run_with_stats", &run_with_stats, py::arg("values"), py::arg("timeout_ms") = 0)
      .def("run_traced", &run_traced, py::arg("values"), py::arg("timeout_ms"), py::arg("full"),
           py::arg("recorded"))
      .def("run_logged", &run_logged, py::arg("values"), py::arg("timeout_ms") = 0)
      .def_property_readonly(
          "num_nodes", [](const NativeProgram& p) { return p.executor.partitions().num_nodes(); })
      .def_property_readonly("work_ns",
                             [](const NativeProgram& p) { return p.executor.work_ns(); });
}

}  // namespace penstock
