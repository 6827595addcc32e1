// Records → tuples.
#include "bindings/trace_to_python.h"

namespace py = pybind11;

namespace penstock {
namespace {

py::tuple object_of_dims(const Shape& shape) {
  py::tuple dims(static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) dims[static_cast<size_t>(i)] = shape[i];
  return dims;
}

py::list object_of_outputs(const OutputTrace* outputs, size_t count) {
  py::list made;
  for (size_t slot = 0; slot < count; ++slot) {
    const OutputTrace& output = outputs[slot];
    if (output.dtype == DType::kInvalid) continue;
    made.append(py::make_tuple(slot, static_cast<int>(output.dtype), object_of_dims(output.shape),
                               output.bytes, output.allocated,
                               reinterpret_cast<uintptr_t>(output.data)));
  }
  return made;
}

}  // namespace

py::list object_of_trace(const Trace& trace) {
  const Partitions& partitions = trace.partitions();
  py::list devices;
  for (size_t p = 0; p < partitions.size(); ++p) {
    py::list nodes;
    const Program& program = partitions.program(p);
    for (size_t i = 0; i < program.nodes.size(); ++i) {
      const int32_t number = partitions.first_node(p) + static_cast<int32_t>(i);
      const NodeTrace& node = trace.node(number);
      if (node.start == 0) continue;
      const NodeInfo& info = *program.nodes[i].info;
      nodes.append(
          py::make_tuple(info.name, node.scheduled, node.start, node.computed, node.end,
                         node.thread, node.live_start, node.live_computed, node.live_end,
                         object_of_outputs(trace.outputs(number), info.output_dtypes.size())));
    }
    devices.append(py::make_tuple(program.device->name(), trace.caller(), nodes));
  }
  return devices;
}

}  // namespace penstock
