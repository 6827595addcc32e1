// Calls into kernel_api.Device, each under the interpreter lock.
#include "bindings/python_device.h"

#include <pybind11/pybind11.h>

#include <utility>

#include "bindings/python_error.h"
#include "bindings/to_numpy.h"
#include "bindings/to_tensor.h"

namespace penstock {
namespace {

// A buffer that stands for an array in the memory of a device.
struct DeviceBuffer : Buffer {
  DeviceBuffer(PyObject* a, PythonDevice* device) : array(a) {
    Py_INCREF(a);
    owner = device;
    release = free;
  }
  static void free(Buffer* buffer) {
    auto* self = static_cast<DeviceBuffer*>(buffer);
    drop_reference(self->array);
    delete self;
  }
  PyObject* array;
};

// The buffer of a tensor in the memory of a Python device; null for any other tensor.
DeviceBuffer* device_buffer(const Tensor& tensor) {
  Buffer* const buffer = tensor.raw() ? nullptr : tensor.buffer().get();
  return buffer && buffer->release == DeviceBuffer::free ? static_cast<DeviceBuffer*>(buffer)
                                                         : nullptr;
}

class Lock {
 public:
  Lock() : state_(PyGILState_Ensure()) { drop_pending_references(); }
  ~Lock() { PyGILState_Release(state_); }
  Lock(const Lock&) = delete;

 private:
  PyGILState_STATE state_;
};

PyRef checked(PyObject* result) {
  if (!result) throw_kernel_error();
  return PyRef(result);
}

int64_t number_of(PyObject* dict, const char* key) {
  PyObject* value = PyDict_Check(dict) ? PyDict_GetItemString(dict, key) : nullptr;
  return value && PyLong_Check(value) ? PyLong_AsLongLong(value) : 0;
}

Shape shape_of(PyObject* array) {
  const PyRef shape = checked(PyObject_GetAttrString(array, "shape"));
  require(PyTuple_Check(shape.get()) && PyTuple_GET_SIZE(shape.get()) <= kMaxRank,
          "a device array has no shape, or more than ", kMaxRank, " dimensions");
  Shape result;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape.get()); ++i) {
    result.push_back(PyLong_AsLongLong(PyTuple_GET_ITEM(shape.get(), i)));
  }
  if (PyErr_Occurred()) throw_kernel_error();
  return result;
}

bool has_dtype(PyObject* array, DType dtype) {
  const PyRef descr(PyObject_GetAttrString(array, "dtype"));
  if (!descr) PyErr_Clear();
  return descr && PyArray_DescrCheck(descr.get()) &&
         reinterpret_cast<PyArray_Descr*>(descr.get())->type_num == numpy_descr(dtype)->type_num;
}

void check_dtype(PyObject* array, DType dtype) {
  const PyRef descr = checked(PyObject_GetAttrString(array, "dtype"));
  const bool known = PyArray_DescrCheck(descr.get());
  const int number = known ? reinterpret_cast<PyArray_Descr*>(descr.get())->type_num : -1;
  invariant(known && number == numpy_descr(dtype)->type_num, "the kernel should have made ", dtype,
            ", it made ",
            known ? reinterpret_cast<PyArray_Descr*>(descr.get())->typeobj->tp_name
                  : Py_TYPE(array)->tp_name);
}

}  // namespace

PythonDevice::PythonDevice(std::string name, const SessionState& shared, Allocator& host,
                           PyObject* device, PyObject* transfer)
    : Device(std::move(name), next_incarnation(), shared, 0, &host) {
  Py_INCREF(device);
  device_ = PyRef(device);
  Py_INCREF(transfer);
  transfer_ = PyRef(transfer);
}

PythonDevice::~PythonDevice() {
  drop_reference(device_.release());
  drop_reference(transfer_.release());
}

Tensor PythonDevice::wrap(PyObject* array, DType dtype) {
  check_dtype(array, dtype);
  const Shape shape = shape_of(array);
  auto* buffer = new DeviceBuffer(array, this);
  Tensor tensor(dtype, shape, BufferPtr::adopt(buffer), nullptr);
  buffer->bytes = tensor.bytes();
  return tensor;
}

PyObject* PythonDevice::array_of(const Tensor& tensor) const {
  invariant(tensor.buffer() && owns(*tensor.buffer().get()), "a value of ", name(),
            " lies elsewhere: ", tensor.to_string());
  return static_cast<DeviceBuffer*>(tensor.buffer().get())->array;
}

Tensor PythonDevice::adopt(PyObject* array, DType dtype) {
  const PyRef own(PyObject_CallMethod(device_.get(), "adopt", "O", array));
  if (!own) PyErr_Clear();  // whoever copies it by way of the host will say what is wrong with it
  const bool fits = own && own.get() != Py_None && has_dtype(own.get(), dtype);
  return fits ? wrap(own.get(), dtype) : Tensor();
}

Tensor PythonDevice::from_host(const Tensor& value) {
  if (DeviceBuffer* fed = device_buffer(value)) {  // see FeedInfo::travels
    auto* home = static_cast<PythonDevice*>(fed->owner);
    return home == this ? value : from_device(value, *home);
  }
  const Lock lock;
  if (!is_plain(value.dtype())) return value;
  const PyRef array = view_of_tensor(value);
  const PyRef moved = checked(PyObject_CallMethod(device_.get(), "to_device", "O", array.get()));
  return wrap(moved.get(), value.dtype());
}

Tensor PythonDevice::to_host(const Tensor& value) {
  const Lock lock;
  if (!is_plain(value.dtype())) return value;
  const PyRef moved = checked(PyObject_CallMethod(device_.get(), "to_host", "O", array_of(value)));
  return tensor_of_host_array(moved.get(), value.dtype(), *state().allocator);
}

Tensor PythonDevice::from_device(const Tensor& value, Device& source) {
  auto* other = dynamic_cast<PythonDevice*>(&source);
  if (!other || !is_plain(value.dtype())) return Device::from_device(value, source);
  const Lock lock;
  const PyRef moved = checked(PyObject_CallFunctionObjArgs(
      transfer_.get(), other->array_of(value), other->device_.get(), device_.get(), nullptr));
  return wrap(moved.get(), value.dtype());
}

void PythonDevice::synchronize() {
  const Lock lock;
  checked(PyObject_CallMethod(device_.get(), "synchronize", nullptr));
}

MemoryStats PythonDevice::memory_stats() {
  const Lock lock;
  const PyRef dict = checked(PyObject_CallMethod(device_.get(), "memory_stats", nullptr));
  MemoryStats stats;
  stats.live = number_of(dict.get(), "live");
  stats.peak = number_of(dict.get(), "peak");
  stats.reserved = number_of(dict.get(), "reserved");
  stats.allocations = number_of(dict.get(), "allocations");
  stats.system_allocations = number_of(dict.get(), "system_allocations");
  return stats;
}

MemoryBlock PythonDevice::block_of(const Tensor& tensor) {
  const Lock lock;
  const PyRef pair(PyObject_CallMethod(device_.get(), "block_of", "O", array_of(tensor)));
  unsigned long long number = 0;
  long long bytes = 0;
  if (pair && PyTuple_Check(pair.get()) && PyArg_ParseTuple(pair.get(), "KL", &number, &bytes)) {
    return {static_cast<uintptr_t>(number), bytes};
  }
  PyErr_Clear();
  return Device::block_of(tensor);  // one that it cannot tell is told by its array
}

int PythonDevice::begin_window() {
  const Lock lock;
  const PyRef window = checked(PyObject_CallMethod(device_.get(), "begin_window", nullptr));
  return static_cast<int>(PyLong_AsLong(window.get()));
}

int64_t PythonDevice::end_window(int window) {
  const Lock lock;
  const PyRef peak = checked(PyObject_CallMethod(device_.get(), "end_window", "i", window));
  return PyLong_AsLongLong(peak.get());
}

void PythonDevice::reset_peak() {
  const Lock lock;
  checked(PyObject_CallMethod(device_.get(), "reset_peak", nullptr));
}

void PythonDevice::set_memory_limit(int64_t bytes) {
  const Lock lock;
  checked(
      PyObject_CallMethod(device_.get(), "set_memory_limit", "L", static_cast<long long>(bytes)));
}

int64_t PythonDevice::trim() {
  const Lock lock;
  const PyRef bytes = checked(PyObject_CallMethod(device_.get(), "trim", nullptr));
  return PyLong_AsLongLong(bytes.get());
}

void PythonDevice::close() {
  Device::close();
  const Lock lock;
  checked(PyObject_CallMethod(device_.get(), "close", nullptr));
}

PyObject* device_array_of(const Tensor& tensor) {
  DeviceBuffer* const buffer = device_buffer(tensor);
  return buffer ? buffer->array : nullptr;
}

Tensor tensor_of_host_array(PyObject* array, DType dtype, Allocator& allocator) {
  const PyRef dense(PyArray_FromAny(array, nullptr, 0, kMaxRank, NPY_ARRAY_CARRAY_RO, nullptr));
  if (!dense) throw_kernel_error();
  check_dtype(dense.get(), dtype);
  if (PyArray_CHKFLAGS(dense.array(), NPY_ARRAY_OWNDATA)) {
    PyArray_CLEARFLAGS(dense.array(), NPY_ARRAY_WRITEABLE);
  }
  return tensor_of_constant(dense.array(), allocator);
}

PyRef view_of_tensor(const Tensor& tensor) {
  if (!is_plain(tensor.dtype())) return checked(object_of_tensor(tensor));
  PyArray_Descr* descr = numpy_descr(tensor.dtype());
  Py_INCREF(descr);
  PyRef array = checked(PyArray_NewFromDescr(
      &PyArray_Type, descr, tensor.rank(), reinterpret_cast<const npy_intp*>(tensor.shape().dims()),
      nullptr, tensor.num_elements() > 0 ? tensor.raw() : nullptr, NPY_ARRAY_CARRAY_RO, nullptr));
  auto* owner = new BufferPtr(tensor.buffer());
  PyRef capsule(PyCapsule_New(owner, nullptr, [](PyObject* self) {
    delete static_cast<BufferPtr*>(PyCapsule_GetPointer(self, nullptr));
  }));
  if (!capsule) {
    delete owner;
    throw_kernel_error();
  }
  if (PyArray_SetBaseObject(array.array(), capsule.release()) < 0) throw_kernel_error();
  return array;
}

}  // namespace penstock
