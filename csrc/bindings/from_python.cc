// Attribute values are told apart by their Python type, lists by their first element.
#include "bindings/from_python.h"

#include <pybind11/stl.h>

#include "bindings/numpy_api.h"
#include "bindings/python_error.h"
#include "bindings/to_tensor.h"

namespace py = pybind11;

namespace penstock {
namespace {

bool is_bool(PyObject* v) { return PyBool_Check(v) || PyArray_IsScalar(v, Bool); }
bool is_int(PyObject* v) { return PyLong_Check(v) || PyArray_IsScalar(v, Integer); }
bool is_float(PyObject* v) { return PyFloat_Check(v) || PyArray_IsScalar(v, Floating); }
bool is_string(PyObject* v) { return PyBytes_Check(v) || PyUnicode_Check(v); }

// The attribute of an object, or null.
PyRef attribute(PyObject* object, const char* name) {
  PyObject* value = PyObject_GetAttrString(object, name);
  if (!value) PyErr_Clear();
  return PyRef(value);
}

bool to_bool(PyObject* v) { return PyObject_IsTrue(v) == 1; }

int64_t to_int(PyObject* v) {
  const PyRef index(PyNumber_Index(v));
  const long long number = index ? PyLong_AsLongLong(index.get()) : -1;
  if (PyErr_Occurred()) throw_python_error();
  return number;
}

double to_float(PyObject* v) {
  const double number = PyFloat_AsDouble(v);
  if (PyErr_Occurred()) throw_python_error();
  return number;
}

std::string to_string(PyObject* v) {
  Py_ssize_t size = 0;
  const char* text = nullptr;
  if (PyBytes_Check(v)) {
    text = PyBytes_AS_STRING(v);
    size = PyBytes_GET_SIZE(v);
  } else {
    text = PyUnicode_AsUTF8AndSize(v, &size);
    if (!text) throw_python_error();
  }
  return std::string(text, static_cast<size_t>(size));
}

bool to_dtype(PyObject* v, DType* out) {
  const PyRef number = attribute(v, "as_datatype_enum");
  if (!number) return false;
  *out = static_cast<DType>(to_int(number.get()));
  return true;
}

bool to_shape(PyObject* v, PartialShape* out) {
  const PyRef dims = attribute(v, "_dims");
  if (!dims) return false;
  if (dims.get() == Py_None) {
    out->unknown_rank = true;
    return true;
  }
  for (py::handle dim : py::reinterpret_borrow<py::sequence>(dims.get())) {
    out->dims.push_back(dim.is_none() ? -1 : to_int(dim.ptr()));
  }
  return true;
}

template <class T, class Convert>
std::vector<T> list_of(const std::vector<PyObject*>& items, const Convert& convert) {
  std::vector<T> values;
  values.reserve(items.size());
  for (PyObject* item : items) values.push_back(convert(item));
  return values;
}

[[noreturn]] void throw_kind(PyObject* v) {
  fail(Code::kInvalidArgument, "a value of type ", Py_TYPE(v)->tp_name, " cannot be an attribute");
}

template <class T, bool (*convert)(PyObject*, T*)>
std::vector<T> list_of_objects(const std::vector<PyObject*>& items) {
  return list_of<T>(items, [](PyObject* item) {
    T value{};
    if (!convert(item, &value)) throw_kind(item);
    return value;
  });
}

AttrValue value_of_list(const std::vector<PyObject*>& items) {
  if (items.empty()) return std::vector<int64_t>();
  PyObject* first = items[0];
  if (is_bool(first)) return list_of<bool>(items, to_bool);
  if (is_float(first)) return list_of<double>(items, to_float);
  if (is_int(first)) {
    for (PyObject* item : items) {
      if (is_float(item)) return list_of<double>(items, to_float);
    }
    return list_of<int64_t>(items, to_int);
  }
  if (is_string(first)) {
    return list_of<std::string>(items, [](PyObject* item) {
      if (!is_string(item)) throw_kind(item);
      return to_string(item);
    });
  }
  DType dtype;
  if (to_dtype(first, &dtype)) return list_of_objects<DType, to_dtype>(items);
  return list_of_objects<PartialShape, to_shape>(items);
}

AttrValue value_of(PyObject* v, Allocator& allocator) {
  if (is_bool(v)) return to_bool(v);
  if (is_int(v)) return to_int(v);
  if (is_string(v)) return to_string(v);
  if (is_float(v)) return to_float(v);
  if (PyArray_Check(v)) {
    return tensor_of_attribute(reinterpret_cast<PyArrayObject*>(v), allocator);
  }
  if (PyList_Check(v) || PyTuple_Check(v)) {
    PyObject** first = PySequence_Fast_ITEMS(v);
    return value_of_list(std::vector<PyObject*>(first, first + PySequence_Fast_GET_SIZE(v)));
  }
  DType dtype;
  if (to_dtype(v, &dtype)) return dtype;
  PartialShape shape;
  if (to_shape(v, &shape)) return shape;
  throw_kind(v);
}

}  // namespace

Attrs attrs_of_dict(const py::dict& values, Allocator& allocator) {
  Attrs attrs;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(values.ptr(), &position, &key, &value)) {
    if (value == Py_None) continue;
    if (!is_string(key)) fail(Code::kInvalidArgument, "an attribute's name is not a str");
    try {
      attrs.set(to_string(key), value_of(value, allocator));
    } catch (const Error& error) {
      fail(error.code(), "attribute \"", to_string(key), "\": ", error.text());
    }
  }
  return attrs;
}

}  // namespace penstock
