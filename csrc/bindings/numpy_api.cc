// The two tables between our dtypes and NumPy's, filled at import.
#define PENSTOCK_IMPORTS_NUMPY
#include "bindings/numpy_api.h"

#include <pybind11/pybind11.h>

#include <array>

namespace penstock {
namespace {

constexpr int kNumbers = 32;  // more than any dtype's number
std::array<PyArray_Descr*, kNumbers> descrs{};
int bfloat16_type = -1;

struct Row {
  DType dtype;
  int type_num;
};
constexpr Row kRows[] = {
    {DType::kFloat32, NPY_FLOAT32}, {DType::kFloat64, NPY_FLOAT64},
    {DType::kInt32, NPY_INT32},     {DType::kUInt8, NPY_UINT8},
    {DType::kInt16, NPY_INT16},     {DType::kInt8, NPY_INT8},
    {DType::kString, NPY_OBJECT},   {DType::kComplex64, NPY_COMPLEX64},
    {DType::kInt64, NPY_INT64},     {DType::kBool, NPY_BOOL},
    {DType::kUInt16, NPY_UINT16},   {DType::kComplex128, NPY_COMPLEX128},
    {DType::kFloat16, NPY_FLOAT16}, {DType::kUInt32, NPY_UINT32},
    {DType::kUInt64, NPY_UINT64},
};

}  // namespace

void import_numpy() {
  namespace py = pybind11;
  if (_import_array() < 0) throw py::error_already_set();
  for (const Row& row : kRows) {
    descrs[static_cast<size_t>(row.dtype)] = PyArray_DescrFromType(row.type_num);
  }
  const py::object type = py::module_::import("ml_dtypes").attr("bfloat16");
  PyArray_Descr* bfloat16_descr = nullptr;
  if (!PyArray_DescrConverter(type.ptr(), &bfloat16_descr)) throw py::error_already_set();
  bfloat16_type = bfloat16_descr->type_num;
  descrs[static_cast<size_t>(DType::kBFloat16)] = bfloat16_descr;
}

PyArray_Descr* numpy_descr(DType dtype) { return descrs[static_cast<size_t>(dtype)]; }

DType dtype_of_numpy(int type_num) {
  for (const Row& row : kRows) {
    if (row.type_num == type_num) return row.dtype;
  }
  switch (type_num) {
    case NPY_STRING:
    case NPY_UNICODE:
      return DType::kString;
    // The same integers under another C name, whichever that is on this platform.
    case NPY_LONGLONG:
      return DType::kInt64;
    case NPY_ULONGLONG:
      return DType::kUInt64;
    default:
      return type_num == bfloat16_type ? DType::kBFloat16 : DType::kInvalid;
  }
}

Shape shape_of_numpy(PyArrayObject* array) {
  static_assert(sizeof(npy_intp) == sizeof(int64_t), "64-bit only");
  return Shape(reinterpret_cast<const int64_t*>(PyArray_DIMS(array)), PyArray_NDIM(array));
}

}  // namespace penstock
