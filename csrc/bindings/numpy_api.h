// NumPy's C interface and the dtypes that correspond to ours. Every file that includes this
// needs the interpreter lock for everything in it.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL penstock_numpy_api
#ifndef PENSTOCK_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include "core/dtype.h"
#include "core/shape.h"

namespace penstock {

// Loads NumPy and ml_dtypes. Throws pybind11::error_already_set. Called once, by the module.
void import_numpy();

// NumPy's descriptor of a dtype in native byte order, borrowed: object for strings; null for
// resources.
PyArray_Descr* numpy_descr(DType dtype);
// The dtype of an array of this type number; kInvalid where we have none. Objects, bytes and
// str arrays are strings.
DType dtype_of_numpy(int type_num);
Shape shape_of_numpy(PyArrayObject* array);

// A counted reference to a Python object.
class PyRef {
 public:
  PyRef() = default;
  explicit PyRef(PyObject* owned) : object_(owned) {}
  PyRef(PyRef&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
  PyRef& operator=(PyRef&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PyRef() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() {
    PyObject* object = object_;
    object_ = nullptr;
    return object;
  }
  explicit operator bool() const { return object_ != nullptr; }
  PyArrayObject* array() const { return reinterpret_cast<PyArrayObject*>(object_); }

 private:
  PyObject* object_ = nullptr;
};

}  // namespace penstock
