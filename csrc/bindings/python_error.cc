// The factory of Python exceptions, and the translations both ways.
#include "bindings/python_error.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "runtime/run_error.h"

namespace py = pybind11;

namespace penstock {
namespace {

py::object* factory = nullptr;  // never destroyed: the interpreter may be gone by then

// Names and messages may hold any bytes; what is no UTF-8 is shown as replacement characters.
py::str shown(const std::string& text) {
  PyObject* decoded =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (!decoded) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::list shown(const std::vector<std::string>& lines) {
  py::list list;
  for (const std::string& line : lines) list.append(shown(line));
  return list;
}

void set_error_factory(py::object callable) { factory = new py::object(std::move(callable)); }

void set_from(const Error& error, const RunError& where) {
  if (PyErr_Occurred()) return;  // a signal's handler raised: that is what the user wants to see
  if (!factory) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return;
  }
  try {
    const py::object exception =
        (*factory)(static_cast<int>(error.code()), shown(error.text()), shown(where.node_name),
                   where.op, where.device, where.inputs, shown(where.details));
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  } catch (py::error_already_set& raised) {
    raised.restore();
  }
}

}  // namespace

void set_python_error() {
  try {
    throw;
  } catch (const RunError& error) {
    set_from(error, error);
  } catch (const Error& error) {
    set_from(error, RunError(error.code(), error.text()));
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

void throw_python_error() { throw py::error_already_set(); }

void throw_kernel_error() {
  py::error_already_set error;
  if (!error.matches(PyExc_Exception)) {
    error.restore();
    throw Error(Code::kCancelled, "the run was interrupted");
  }
  const std::string text = py::str(error.value());
  if (py::hasattr(error.value(), "error_code") && py::hasattr(error.value(), "message")) {
    throw Error(static_cast<Code>(error.value().attr("error_code").cast<int>()),
                py::str(error.value().attr("message")));
  }
  if (error.matches(PyExc_MemoryError)) throw Error(Code::kResourceExhausted, text);
  for (PyObject* mistake : {PyExc_ValueError, PyExc_TypeError, PyExc_IndexError,
                            PyExc_ArithmeticError, PyExc_LookupError}) {
    if (error.matches(mistake)) throw Error(Code::kInvalidArgument, text);
  }
  const std::string type = py::str(error.type().attr("__name__"));
  throw Error(Code::kInternal, concat("the kernel raised ", type, ": ", text));
}

std::string take_python_error_text() {
  const py::error_already_set error;
  return py::str(error.value());
}

void bind_errors(py::module_& m) {
  m.def("set_error_factory", &set_error_factory, py::arg("factory"),
        "Set the function that makes the exceptions which native calls raise.");
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error&) {
      set_python_error();
    }
  });
}

}  // namespace penstock
