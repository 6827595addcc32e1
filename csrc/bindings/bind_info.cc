// What there is: kernels, dtypes, the processor.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <tuple>

#include "bindings/bind.h"
#include "bindings/from_python.h"
#include "bindings/to_tensor.h"
#include "core/offsets.h"
#include "cpu/vector/table.h"
#ifdef PENSTOCK_OPENBLAS
#include "cpu/openblas.h"
#endif
#include "runtime/kernel_registry.h"
#include "runtime/thread_pool.h"
#ifdef PENSTOCK_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace py = pybind11;

namespace penstock {
namespace {

std::vector<int> numbers_of(DTypeSet dtypes) {
  std::vector<int> numbers;
#define X(id, type, number, name) \
  if (dtypes.has(DType::id)) numbers.push_back(number);
  PENSTOCK_DTYPES(X)
#undef X
  return numbers;
}

std::map<std::string, std::vector<int>> types_of(const KernelEntry& entry) {
  std::map<std::string, std::vector<int>> types;
  for (const auto& [attr, dtypes] : entry.types) types[attr] = numbers_of(dtypes);
  return types;
}

const char* cost_name(const KernelEntry& entry) {
  switch (entry.cost) {
    case Cost::kTrivial:
      return "trivial";
    case Cost::kElements:
      return "elements";
    case Cost::kHeavy:
      return "heavy";
  }
  return "";
}

std::vector<KernelEntry> kernel_entries(const std::string& op) {
  const std::vector<KernelEntry>* entries = kernel_registry().entries(op);
  return entries ? *entries : std::vector<KernelEntry>();
}

bool supports(const std::string& op, const std::string& device_type, const py::dict& attrs) {
  NodeInfo node;
  node.op = op;
  node.attrs = attrs_of_dict(attrs, host_allocator());
  return kernel_registry().supports(node, device_type);
}

std::vector<std::tuple<std::string, int, size_t>> dtype_table() {
  std::vector<std::tuple<std::string, int, size_t>> rows;
#define X(id, type, number, name) rows.emplace_back(name, number, sizeof(type));
  PENSTOCK_DTYPES(X)
#undef X
  return rows;
}

py::dict cpu_info() {
  py::dict info;
  info["isa"] = vector_table().isa;
  info["processors"] = available_processors();
#ifdef PENSTOCK_ONEDNN
  const dnnl_version_t* version = dnnl_version();
  info["math_library"] =
      concat("oneDNN ", version->major, '.', version->minor, '.', version->patch);
#elif defined(PENSTOCK_OPENBLAS)
  info["math_library"] = openblas_version();
#else
  info["math_library"] = "portable";
#endif
  return info;
}

// `items` has (bytes, first, last) of each, one after the other.
std::vector<int64_t> place_items(const std::vector<int64_t>& items,
                                 const std::vector<int32_t>& order, bool best_fit) {
  std::vector<PlannedItem> planned;
  for (size_t i = 0; i + 2 < items.size(); i += 3) {
    planned.push_back({items[i], items[i + 1], items[i + 2]});
  }
  return place_in_order(planned, order, best_fit);
}

}  // namespace

void bind_info(py::module_& m) {
  m.def(
      "set_array_reader", [](const py::object& callable) { set_array_reader(callable.ptr()); },
      py::arg("reader"), "Set the function that reads fed arrays of other libraries.");
  py::class_<KernelEntry>(m, "KernelEntry", "One kernel of an op.")
      .def_readonly("device_type", &KernelEntry::device_type)
      .def_property_readonly("types", &types_of)
      .def_property_readonly("cost", &cost_name)
      .def_readonly("priority", &KernelEntry::priority)
      .def_readonly("label", &KernelEntry::label);
  m.def("kernel_ops", [] { return kernel_registry().ops(); });
  m.def("kernel_entries", &kernel_entries, py::arg("op"));
  m.def("supports", &supports, py::arg("op"), py::arg("device_type"), py::arg("attrs"));
  m.def("place_items", &place_items, py::arg("items"), py::arg("order"), py::arg("best_fit"));
  m.def("loops_shared", &ThreadPool::loops_shared_here);
  m.def(
      "set_portable_only", [](bool on) { kernel_registry().set_portable_only(on); }, py::arg("on"));
  m.def("dtype_table", &dtype_table);
  m.def("cpu_info", &cpu_info);
}

}  // namespace penstock
