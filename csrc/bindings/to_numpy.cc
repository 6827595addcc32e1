// Fetched values. What the user gets is theirs: no later run sees what they write into it.
#include "bindings/to_numpy.h"

#include <pybind11/pybind11.h>

#include <cstring>

#include "bindings/python_device.h"
#include "core/resource.h"

namespace penstock {
namespace {

// Below this a copy is cheaper than an owner of the buffer.
constexpr size_t kCopyBytes = 512;

PyObject* object_of_element(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kString) {
    const std::string& text = tensor.data<std::string>()[i];
    return PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
  }
  return pybind11::cast(tensor.data<ResourceHandle>()[i]).release().ptr();
}

const npy_intp* dims_of(const Tensor& tensor) {
  return reinterpret_cast<const npy_intp*>(tensor.shape().dims());
}

PyObject* array_of_objects(const Tensor& tensor) {
  PyRef array(PyArray_SimpleNew(tensor.rank(), dims_of(tensor), NPY_OBJECT));
  if (!array) return nullptr;
  PyObject** elements = static_cast<PyObject**>(PyArray_DATA(array.array()));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    PyObject* element = object_of_element(tensor, i);
    if (!element) return nullptr;
    Py_XSETREF(elements[i], element);
  }
  return array.release();
}

// True when the array may simply take the buffer: it is ours alone, and not much larger.
bool may_take(const Tensor& tensor, size_t bytes) {
  return bytes > kCopyBytes && tensor.is_writable_and_unique() &&
         tensor.buffer()->bytes <= 2 * bytes;
}

PyObject* copied_array(const Tensor& tensor, PyArray_Descr* descr, size_t bytes) {
  Py_INCREF(descr);
  PyObject* array = PyArray_NewFromDescr(&PyArray_Type, descr, tensor.rank(), dims_of(tensor),
                                         nullptr, nullptr, 0, nullptr);
  if (array && bytes > 0) {
    std::memcpy(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array)), tensor.raw(), bytes);
  }
  return array;
}

PyObject* array_taking_buffer(Tensor tensor, PyArray_Descr* descr) {
  Py_INCREF(descr);
  PyRef array(PyArray_NewFromDescr(&PyArray_Type, descr, tensor.rank(), dims_of(tensor), nullptr,
                                   tensor.raw(), NPY_ARRAY_CARRAY, nullptr));
  if (!array) return nullptr;
  auto* owner = new BufferPtr(tensor.take_buffer());
  PyObject* capsule = PyCapsule_New(owner, kTakenBuffer, [](PyObject* self) {
    delete static_cast<BufferPtr*>(PyCapsule_GetPointer(self, kTakenBuffer));
  });
  if (!capsule) {
    delete owner;
    return nullptr;
  }
  if (PyArray_SetBaseObject(array.array(), capsule) < 0) return nullptr;  // takes the capsule
  return array.release();
}

}  // namespace

PyObject* object_of_tensor(Tensor tensor) {
  if (PyObject* array = device_array_of(tensor)) {
    Py_INCREF(array);
    return array;
  }
  if (!is_plain(tensor.dtype())) {
    return tensor.is_scalar() ? object_of_element(tensor, 0) : array_of_objects(tensor);
  }
  PyArray_Descr* descr = numpy_descr(tensor.dtype());
  if (tensor.is_scalar()) return PyArray_Scalar(tensor.raw(), descr, nullptr);
  const size_t bytes = tensor.bytes();
  return may_take(tensor, bytes) ? array_taking_buffer(std::move(tensor), descr)
                                 : copied_array(tensor, descr, bytes);
}

}  // namespace penstock
