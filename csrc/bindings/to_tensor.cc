// Conversion of feeds: exact scalar types first, then arrays that fit, then whatever NumPy
// makes of the value.
#include "bindings/to_tensor.h"

#include <cstring>
#include <mutex>
#include <vector>

#include "bindings/python_device.h"
#include "bindings/python_error.h"
#include "bindings/to_numpy.h"
#include "runtime/run_error.h"

namespace penstock {
namespace {

// Below this a copy is cheaper than a shared reference, and it may be forwarded.
constexpr size_t kShareBytes = 1024;
// A smaller constant that vector registers would straddle is read faster from an aligned copy.
constexpr size_t kShareUnalignedBytes = size_t{64} << 10;
constexpr size_t kAlignment = 64;

std::mutex pending_mutex;
std::vector<PyObject*>* const pending = new std::vector<PyObject*>;
std::atomic<bool> any_pending{false};

PyObject* array_reader = nullptr;  // never released: the interpreter may be gone by then

// A buffer that keeps an array alive.
struct ArrayBuffer : Buffer {
  explicit ArrayBuffer(PyArrayObject* array) {
    Py_INCREF(array);
    owner = array;
    data = PyArray_DATA(array);
    bytes = static_cast<size_t>(PyArray_NBYTES(array));
    writable = false;
    release = [](Buffer* buffer) {
      PyObject* object = static_cast<PyObject*>(buffer->owner);
      delete static_cast<ArrayBuffer*>(buffer);
      drop_reference(object);
    };
  }
};

[[noreturn]] void refuse(const FeedInfo& feed, const std::string& text) {
  RunError error(Code::kInvalidArgument, text);
  error.node_name = feed.name;
  throw error;
}

std::string signature(const FeedInfo& feed) {
  return dtype_name(feed.dtype) + feed.shape.to_string();
}

[[noreturn]] void refuse_value(PyObject* value, const FeedInfo& feed, const std::string& why) {
  refuse(feed, concat("cannot feed a value of type ", Py_TYPE(value)->tp_name, " for \"", feed.name,
                      "\", which takes ", signature(feed), why.empty() ? "" : ": ", why));
}

// Writes a Python number; false when it is not one of the exact types or does not fit.
template <class T>
bool write_number(PyObject* value, T* out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!PyBool_Check(value)) return false;
    *out = value == Py_True;
    return true;
  } else if constexpr (std::is_integral_v<T>) {
    if (!PyLong_CheckExact(value)) return false;
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    *out = static_cast<T>(number);
    return overflow == 0 && static_cast<long long>(*out) == number && (number >= 0) == (*out >= 0);
  } else {
    if (!PyFloat_CheckExact(value)) return false;
    *out = static_cast<T>(static_cast<float>(PyFloat_AS_DOUBLE(value)));
    if constexpr (std::is_same_v<T, double>) *out = PyFloat_AS_DOUBLE(value);
    return true;
  }
}

bool write_scalar(PyObject* value, DType dtype, void* out) {
  switch (dtype) {
    case DType::kFloat32:
      return write_number(value, static_cast<float*>(out));
    case DType::kFloat64:
      return write_number(value, static_cast<double*>(out));
    case DType::kInt32:
      return write_number(value, static_cast<int32_t*>(out));
    case DType::kInt64:
      return write_number(value, static_cast<int64_t*>(out));
    case DType::kBool:
      return write_number(value, static_cast<bool*>(out));
    default:
      return false;
  }
}

// A scalar of Python's or NumPy's exact type; no value where it is anything else.
Tensor tensor_of_scalar(PyObject* value, DType dtype, Allocator& allocator) {
  const bool is_python =
      PyFloat_CheckExact(value) || PyLong_CheckExact(value) || PyBool_Check(value);
  PyArray_Descr* descr = numpy_descr(dtype);
  // NumPy cannot read a scalar of bfloat16, a type that it does not define, as a C type.
  const bool is_numpy = Py_TYPE(value) == descr->typeobj && dtype != DType::kBFloat16;
  if (!is_python && !is_numpy) return Tensor();
  Tensor tensor(allocator, dtype, Shape());
  if (is_python) return write_scalar(value, dtype, tensor.raw()) ? tensor : Tensor();
  PyArray_ScalarAsCtype(value, tensor.raw());
  return tensor;
}

bool fits(PyArrayObject* array, DType dtype) {
  return PyArray_TYPE(array) == numpy_descr(dtype)->type_num && PyArray_ISCARRAY_RO(array);
}

Tensor tensor_of_plain_array(PyArrayObject* array, DType dtype, Allocator& allocator, bool share) {
  const Shape shape = shape_of_numpy(array);
  const size_t bytes = static_cast<size_t>(PyArray_NBYTES(array));
  if (share && bytes > kShareBytes) {
    ArrayBuffer* buffer = new ArrayBuffer(array);
    return Tensor(dtype, shape, BufferPtr::adopt(buffer), buffer->data);
  }
  Tensor tensor(allocator, dtype, shape);
  if (bytes > 0) std::memcpy(tensor.raw(), PyArray_DATA(array), bytes);
  return tensor;
}

// True when nobody can write to an array: neither it nor what it is a view of is writable.
bool is_frozen(PyArrayObject* array) {
  if (PyArray_ISWRITEABLE(array)) return false;
  if (PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA)) return true;
  PyObject* base = PyArray_BASE(array);
  if (!base) return false;
  if (PyArray_Check(base)) return is_frozen(reinterpret_cast<PyArrayObject*>(base));
  return PyBytes_CheckExact(base) || PyCapsule_IsValid(base, kTakenBuffer);
}

// The buffer that a fetched array took over, where `array` is one or a view of one; else null.
const BufferPtr* buffer_under(PyArrayObject* array) {
  PyObject* base = PyArray_BASE(array);
  while (base && PyArray_Check(base)) base = PyArray_BASE(reinterpret_cast<PyArrayObject*>(base));
  if (!base || !PyCapsule_IsValid(base, kTakenBuffer)) return nullptr;
  return static_cast<const BufferPtr*>(PyCapsule_GetPointer(base, kTakenBuffer));
}

// The element as bytes; false when it is neither bytes nor str.
bool read_string(PyObject* element, std::string* out) {
  if (PyBytes_Check(element)) {
    out->assign(PyBytes_AS_STRING(element), static_cast<size_t>(PyBytes_GET_SIZE(element)));
    return true;
  }
  if (!PyUnicode_Check(element)) return false;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(element, &size);
  if (!text) throw_python_error();
  out->assign(text, static_cast<size_t>(size));
  return true;
}

// `array` holds objects and is dense.
Tensor tensor_of_objects(PyArrayObject* array, Allocator& allocator) {
  Tensor tensor(allocator, DType::kString, shape_of_numpy(array));
  PyObject** elements = static_cast<PyObject**>(PyArray_DATA(array));
  std::string* strings = tensor.mutable_data<std::string>();
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    require(read_string(elements[i], strings + i), "element ", i, " is neither bytes nor str but ",
            Py_TYPE(elements[i])->tp_name);
  }
  return tensor;
}

// A new dense array of that dtype in native byte order; null with Python's error set.
PyRef as_array(PyObject* value, DType dtype) {
  PyArray_Descr* descr = numpy_descr(dtype);
  Py_INCREF(descr);
  return PyRef(
      PyArray_FromAny(value, descr, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST, nullptr));
}

// Whether both arrays hold the same numbers, of whatever dtypes.
bool holds_same(const PyRef& a, const PyRef& b) {
  const PyRef equal(PyObject_RichCompare(a.get(), b.get(), Py_EQ));
  const PyRef all(equal ? PyObject_CallMethod(equal.get(), "all", nullptr) : nullptr);
  const int truth = all ? PyObject_IsTrue(all.get()) : -1;
  if (truth < 0) PyErr_Clear();
  return truth > 0;
}

// Refuses text for numbers and imaginary parts for real ones.
void check_kind(int from, int to, PyObject* value, const FeedInfo& feed) {
  if (PyTypeNum_ISFLEXIBLE(from)) refuse_value(value, feed, "it holds text");
  if (PyTypeNum_ISCOMPLEX(from) && !PyTypeNum_ISCOMPLEX(to)) {
    refuse_value(value, feed, "it holds complex numbers");
  }
}

// Whole numbers and truth values arrive as they are or not at all; floats may be rounded.
PyRef as_plain_array(PyObject* value, const FeedInfo& feed) {
  const PyRef given(PyArray_FromAny(value, nullptr, 0, 0, 0, nullptr));
  if (!given) return PyRef();
  const int from = PyArray_TYPE(given.array());
  const int to = numpy_descr(feed.dtype)->type_num;
  check_kind(from, to, value, feed);
  PyRef array = as_array(given.get(), feed.dtype);
  const bool whole = PyTypeNum_ISINTEGER(to) || PyTypeNum_ISBOOL(to);
  if (array && from != to && whole && PyArray_SIZE(given.array()) > 0 &&
      !holds_same(given, array)) {
    refuse_value(value, feed, concat("not every element fits ", dtype_name(feed.dtype)));
  }
  return array;
}

bool is_foreign_array(PyObject* value) {
  if (PyArray_Check(value) || PyArray_IsAnyScalar(value)) return false;
  if (PyList_Check(value) || PyTuple_Check(value)) return false;
  return PyObject_HasAttrString(value, "__dlpack__") ||
         PyObject_HasAttrString(value, "__cuda_array_interface__");
}

// The NumPy array that another library's array is, without a copy where it is in host memory.
PyRef read_foreign_array(PyObject* value, const FeedInfo& feed) {
  PyRef array(PyObject_CallFunctionObjArgs(array_reader, value, nullptr));
  if (!array) refuse_value(value, feed, take_python_error_text());
  return array;
}

// The same array as a value of the session's device that it lies on, if there is one.
Tensor adopted(PyObject* value, DType dtype, Session& session) {
  for (const auto& device : session.devices()) {
    auto* python = dynamic_cast<PythonDevice*>(device.get());
    Tensor tensor = python ? python->adopt(value, dtype) : Tensor();
    if (tensor.has_value()) return tensor;
  }
  return Tensor();
}

Tensor convert(PyObject* value, const FeedInfo& feed, Allocator& allocator) {
  const bool plain = is_plain(feed.dtype);
  const PyRef array = plain ? as_plain_array(value, feed) : as_array(value, feed.dtype);
  if (!array) refuse_value(value, feed, take_python_error_text());
  if (plain) return tensor_of_plain_array(array.array(), feed.dtype, allocator, true);
  try {
    return tensor_of_objects(array.array(), allocator);
  } catch (const Error& error) {
    refuse_value(value, feed, error.text());
  }
}

}  // namespace

Tensor tensor_of_feed(PyObject* value, const FeedInfo& feed, Allocator& allocator,
                      Session* session) {
  Tensor tensor;
  PyRef foreign;
  if (is_plain(feed.dtype) && array_reader && is_foreign_array(value)) {
    if (feed.travels && session) tensor = adopted(value, feed.dtype, *session);
    if (!tensor.has_value()) {
      foreign = read_foreign_array(value, feed);
      value = foreign.get();
    }
  }
  if (tensor.has_value()) {
    // it is where it will be read
  } else if (PyArray_CheckExact(value)) {
    PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
    if (PyArray_NDIM(array) > kMaxRank) {
      refuse_value(value, feed, concat("it has more than ", kMaxRank, " dimensions"));
    }
    if (is_plain(feed.dtype) && fits(array, feed.dtype)) {
      tensor = tensor_of_plain_array(array, feed.dtype, allocator, true);
    }
  } else if (is_plain(feed.dtype)) {
    tensor = tensor_of_scalar(value, feed.dtype, allocator);
  }
  if (!tensor.has_value()) {
    if (feed.dtype == DType::kResource) refuse_value(value, feed, "handles cannot be fed");
    tensor = convert(value, feed, allocator);
  }
  if (!feed.shape.allows(tensor.shape())) {
    refuse(feed, concat("cannot feed ", tensor.to_string(), " for \"", feed.name,
                        "\", which takes ", signature(feed)));
  }
  return tensor;
}

Tensor tensor_of_constant(PyArrayObject* array, Allocator& allocator) {
  const DType dtype = dtype_of_numpy(PyArray_TYPE(array));
  PyObject* object = reinterpret_cast<PyObject*>(array);
  require(dtype != DType::kInvalid, "a constant of NumPy dtype ",
          PyArray_DESCR(array)->typeobj->tp_name, ", which has no counterpart here");
  const bool frozen = is_frozen(array);
  PyRef dense = as_array(object, dtype);
  if (!dense) throw_python_error();
  if (dtype == DType::kString) return tensor_of_objects(dense.array(), allocator);
  if (const BufferPtr* buffer = frozen ? buffer_under(dense.array()) : nullptr) {
    return Tensor(dtype, shape_of_numpy(dense.array()), *buffer, PyArray_DATA(dense.array()));
  }
  return tensor_of_plain_array(dense.array(), dtype, allocator, frozen || dense.get() != object);
}

Tensor tensor_of_attribute(PyArrayObject* array, Allocator& allocator) {
  Tensor tensor = tensor_of_constant(array, allocator);
  const bool aligned = reinterpret_cast<uintptr_t>(tensor.raw()) % kAlignment == 0;
  if (aligned || tensor.bytes() >= kShareUnalignedBytes) return tensor;
  return deep_copy(tensor, allocator);
}

void drop_reference(PyObject* object) {
  if (PyGILState_Check()) {
    Py_XDECREF(object);
    return;
  }
  std::lock_guard<std::mutex> lock(pending_mutex);
  pending->push_back(object);
  any_pending.store(true, std::memory_order_release);
}

void set_array_reader(PyObject* callable) {
  Py_INCREF(callable);
  array_reader = callable;
}

void drop_pending_references() {
  if (!any_pending.load(std::memory_order_acquire)) return;
  std::vector<PyObject*> objects;
  {
    std::lock_guard<std::mutex> lock(pending_mutex);
    objects.swap(*pending);
    any_pending.store(false, std::memory_order_release);
  }
  for (PyObject* object : objects) Py_DECREF(object);
}

}  // namespace penstock
